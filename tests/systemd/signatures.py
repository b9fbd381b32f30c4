"""Compares the machines that run the test scripts on Debian with the real driver's signatures, driver.pyi."""

import ast
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
# The class of the real driver is the first of these that has the method.
REAL = ("QemuMachine", "BaseMachine")
OURS = {"machine.py": "Machine", "container.py": "Container", "vm.py": "VirtualMachine"}


def read_methods(file: pathlib.Path, name: str) -> dict[str, str]:
    """The signature of each public method of a class."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return {
                method.name: f"({ast.unparse(method.args)}) -> {ast.unparse(method.returns or method)}"
                for method in node.body
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
            }
    raise LookupError(f"{file} has no class {name}")


def main() -> int:
    """The exit status."""
    real: dict[str, str] = {}
    for name in reversed(REAL):
        real |= read_methods(HERE / "driver.pyi", name)
    wrong = [
        f"{file}: {name}{ours}, but driver.pyi has {name}{real.get(name, ': no such method')}"
        for file, class_name in OURS.items()
        for name, ours in read_methods(HERE / file, class_name).items()
        if real.get(name) != ours
    ]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
