# Six dumps of a changing database, the five newest kept, verified, the last one restored and compared.
demo=$(mktemp -d)
trap 'rm -rf "$demo"' EXIT
cd "$demo"

sqlite3 shop.db "PRAGMA journal_mode = WAL; CREATE TABLE sale (id INTEGER PRIMARY KEY, cents INTEGER)"
mkdir dump
for day in 1 2 3 4 5 6; do
  sqlite3 shop.db "INSERT INTO sale (cents) VALUES ($((day * 100)))"
  dump-database dump --to dump sqlite:shop.db
done

dump-database list dump
dump-database verify dump
[ "$(find dump -name 'shop-*' | wc -l)" -eq 5 ]

dump-database restore dump restored.db --name shop
diff <(sqlite3 shop.db .dump) <(sqlite3 restored.db .dump)
echo "The restored database is the one that was dumped."
