"""What a widget is filled with: its text, number, check mark and items, kept for the script that asks for them."""

from .nothing import Nothing


class Fields:
    """Properties of one widget by their Qt names. Any `setX` is remembered for `x` and `isX`."""

    @property
    def _kept(self):
        # Not in `__init__`, which a script's own class may leave out.
        return vars(self).setdefault("_properties", {})

    @property
    def _items(self):
        return self._kept.setdefault("items", [])

    def _fill(self, args, named):
        """As Qt's constructors: the text comes first, properties are named, and all else is no content."""
        if args and isinstance(args[0], str):
            self._kept["text"] = args[0]
        for name, value in named.items():
            if isinstance(value, (str, int, float)):
                getattr(self, f"set{name[:1].upper()}{name[1:]}")(value)

    def _property(self, name):
        """A getter or setter for what has none below; None where nothing was set."""
        if name.startswith("set") and name[3:4].isupper():
            return lambda *values: self._kept.update({name[3].lower() + name[4:]: values[0]} if len(values) == 1 else {})
        if name.startswith("is") and name[2:3].isupper():
            return lambda *args: self._kept.get(name[2].lower() + name[3:], False)
        return (lambda *args: self._kept[name]) if name in self._kept else None

    def text(self):
        kept = self._kept
        return kept.get("text", str(self.value()) if "value" in kept else "")

    def setText(self, text):
        self._kept["text"] = str(text)

    toPlainText = toHtml = text
    setPlainText = setHtml = setText

    def value(self):
        return self._within(self._kept.get("value", 0))

    def setValue(self, value):
        self._kept["value"] = value

    def setRange(self, low, high):
        self._kept.update(minimum=low, maximum=high)

    def _within(self, value):
        # Only limits that the script set; Qt's own stop at 99.
        low, high = self._kept.get("minimum"), self._kept.get("maximum")
        value = value if high is None else min(value, high)
        return value if low is None else max(value, low)

    def checkState(self):
        return 2 if self._kept.get("checked") else 0

    def setCheckState(self, state):
        self._kept["checked"] = bool(state)

    def isVisible(self):
        # Whatever was shown: a script may wait until it is closed.
        return False

    def isEnabled(self):
        return self._kept.get("enabled", True)

    def addItem(self, item, *rest):
        """(text, [data]), (icon, text, [data]), or an item of its own."""
        if not isinstance(item, (str, Fields)) and rest and isinstance(rest[0], str):
            item, *rest = rest
        self._items.append((item if isinstance(item, Fields) else Item(item), rest[0] if rest else None))

    def addItems(self, items):
        for item in items:
            self.addItem(item)

    def insertItems(self, at, items):
        self.addItems(items)

    def clear(self):
        for name in ("text", "items", "currentIndex", "editText"):
            self._kept.pop(name, None)

    def count(self):
        return len(self._items)

    def item(self, *at):
        """Of a list by its number, of a table by row and column."""
        if len(at) == 1 and 0 <= at[0] < len(self._items):
            return self._items[at[0]][0]
        return self._kept.get(at)

    def setItem(self, row, column, item):
        self._kept[row, column] = item

    def itemText(self, at):
        return self.item(at).text() if 0 <= at < self.count() else ""

    def itemData(self, at, *role):
        return self._items[at][1] if 0 <= at < self.count() else None

    def findText(self, text, *how):
        return next((at for at in range(self.count()) if self.itemText(at) == text), -1)

    def currentIndex(self):
        return self._kept.get("currentIndex", 0 if self._items else -1)

    currentRow = currentIndex

    def setCurrentRow(self, row):
        self._kept["currentIndex"] = row

    def currentText(self):
        return self.itemText(self.currentIndex()) or self._kept.get("editText", "")

    def setCurrentText(self, text):
        at = self.findText(text)
        self._kept.update({"editText": text} if at < 0 else {"currentIndex": at})

    setEditText = setCurrentText

    def currentData(self, *role):
        return self.itemData(self.currentIndex())

    def currentItem(self):
        return self.item(self.currentIndex())

    def __getattr__(self, name):
        found = None if name.startswith("_") else self._property(name)
        return super().__getattr__(name) if found is None else found


class Item(Fields, Nothing):
    """One item of a list, which has properties of its own."""

    def __init__(self, text):
        self.setText(text)

    def __bool__(self):
        return True
