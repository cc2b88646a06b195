"""The values of a widget: its text, number, check mark and items, which a script sets and reads back."""

from .null_object import NullObject


class WidgetValues:
    """Properties of one widget by their Qt names. A value set with `setX` is returned by `x` and `isX`."""

    @property
    def _widget_values(self):
        # Not made in `__init__`: a script's own class may not call it.
        return vars(self).setdefault("_properties", {})

    @property
    def _widget_items(self):
        return self._widget_values.setdefault("items", [])

    def _set_initial(self, args, named):
        """Takes a constructor's arguments as Qt does: the text first, properties by name. Ignores the rest."""
        if args and isinstance(args[0], str):
            self._widget_values["text"] = args[0]
        for name, value in named.items():
            if isinstance(value, (str, int, float)):
                getattr(self, f"set{name[:1].upper()}{name[1:]}")(value)

    def _accessor(self, name):
        """A getter or setter for a property without a method below. None if the property was not set."""
        if name.startswith("set") and name[3:4].isupper():
            key = name[3].lower() + name[4:]
            return lambda *values: self._widget_values.update({key: values[0]} if len(values) == 1 else {})
        if name.startswith("is") and name[2:3].isupper():
            return lambda *args: self._widget_values.get(name[2].lower() + name[3:], False)
        return (lambda *args: self._widget_values[name]) if name in self._widget_values else None

    def text(self):
        values = self._widget_values
        return values.get("text", str(self.value()) if "value" in values else "")

    def setText(self, text):
        self._widget_values["text"] = str(text)

    toPlainText = toHtml = text
    setPlainText = setHtml = setText

    def value(self):
        return self._clamp(self._widget_values.get("value", 0))

    def setValue(self, value):
        self._widget_values["value"] = value

    def setRange(self, low, high):
        self._widget_values.update(minimum=low, maximum=high)

    def _clamp(self, value):
        # Only limits that the script set: Qt's default maximum is 99.
        low, high = self._widget_values.get("minimum"), self._widget_values.get("maximum")
        value = value if high is None else min(value, high)
        return value if low is None else max(value, low)

    def checkState(self):
        return 2 if self._widget_values.get("checked") else 0

    def setCheckState(self, state):
        self._widget_values["checked"] = bool(state)

    def isVisible(self):
        # Always: a script may wait until the widget is closed.
        return False

    def isEnabled(self):
        return self._widget_values.get("enabled", True)

    def addItem(self, item, *rest):
        """Takes (text, [data]), (icon, text, [data]) or an item object."""
        if not isinstance(item, (str, WidgetValues)) and rest and isinstance(rest[0], str):
            item, *rest = rest
        self._widget_items.append((item if isinstance(item, WidgetValues) else Item(item), rest[0] if rest else None))

    def addItems(self, items):
        for item in items:
            self.addItem(item)

    def insertItems(self, at, items):
        self.addItems(items)

    def clear(self):
        for name in ("text", "items", "currentIndex", "editText"):
            self._widget_values.pop(name, None)

    def count(self):
        return len(self._widget_items)

    def item(self, *at):
        """An item of a list by its number, or of a table by row and column."""
        if len(at) == 1 and 0 <= at[0] < len(self._widget_items):
            return self._widget_items[at[0]][0]
        return self._widget_values.get(at)

    def setItem(self, row, column, item):
        self._widget_values[row, column] = item

    def itemText(self, at):
        return self.item(at).text() if 0 <= at < self.count() else ""

    def itemData(self, at, *role):
        return self._widget_items[at][1] if 0 <= at < self.count() else None

    def findText(self, text, *how):
        return next((at for at in range(self.count()) if self.itemText(at) == text), -1)

    def currentIndex(self):
        return self._widget_values.get("currentIndex", 0 if self._widget_items else -1)

    currentRow = currentIndex

    def setCurrentRow(self, row):
        self._widget_values["currentIndex"] = row

    def currentText(self):
        return self.itemText(self.currentIndex()) or self._widget_values.get("editText", "")

    def setCurrentText(self, text):
        at = self.findText(text)
        self._widget_values.update({"editText": text} if at < 0 else {"currentIndex": at})

    setEditText = setCurrentText

    def currentData(self, *role):
        return self.itemData(self.currentIndex())

    def currentItem(self):
        return self.item(self.currentIndex())

    def __getattr__(self, name):
        found = None if name.startswith("_") else self._accessor(name)
        return super().__getattr__(name) if found is None else found


class Item(WidgetValues, NullObject):
    """One item of a list, with properties of its own."""

    def __init__(self, text):
        self.setText(text)

    def __bool__(self):
        return True
