"""The modules of the package import each other without a circle."""

import ast
import graphlib
import os
import unittest

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "partwright")


def imported(path, modules):
    """The package's modules that a file imports, also inside functions."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = "partwright" if node.level else ""
            source = ".".join(filter(None, (package, node.module))).split(".")
            names = [alias.name for alias in node.names] if len(source) == 1 else source[1:2]
            if source[0] == "partwright":
                yield from modules.intersection(names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                package, _, name = alias.name.partition(".")
                if package == "partwright":
                    yield from modules.intersection([name])


class Imports(unittest.TestCase):
    def test_no_import_circle(self):
        modules = {name.removesuffix(".py") for name in os.listdir(PACKAGE) if name.endswith(".py")} - {"__init__"}
        graph = {name: set(imported(os.path.join(PACKAGE, f"{name}.py"), modules)) for name in modules}
        self.assertIn("script", graph["job"])
        self.assertIn("null_object", graph["gui"])
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            self.fail("import circle: " + " -> ".join(reversed(error.args[1])))


if __name__ == "__main__":
    unittest.main()
