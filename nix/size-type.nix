# A size as the program reads it: `500kB`, `16MiB`.
lib: lib.types.strMatching "[0-9]+(\\.[0-9]+)? ?([kMG]B|[KMG]iB|B)?"
