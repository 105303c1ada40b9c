"""The rule language once more, in Python, written from docs/rules.md and sharing no code.

Only what the random configurations of test_oracle.py use. Values are three: True, False, None.
"""

import datetime
import re
import unicodedata
from decimal import Decimal
from fractions import Fraction

WHITE = ("\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
         "\u200a\u2028\u2029\u202f\u205f\u3000")
VALUE_OPERATORS = {"equals", "in", "in_table", "starts_with", "ends_with", "contains", "matches",
                   "search", "above", "at_least", "below", "at_most", "between", "before", "after"}
MODIFIERS = {"every", "exact", "or_missing"}


def nfc(text):
    return unicodedata.normalize("NFC", text)


def value(text):
    return nfc(text.strip(WHITE))


def fold(text):
    return nfc(nfc(text).casefold())


def number(text):
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else None


DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
                  r"(\.[0-9]+)?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))")


def date(text):
    """The seconds of a day's midnight in UTC, or None."""
    found = DATE.fullmatch(text)
    try:
        day = datetime.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
    return None if day is None else Fraction((day - datetime.date(1970, 1, 1)).days * 86400)


def time(text):
    """The exact seconds of an RFC 3339 time, or None; a second 60 is the next second."""
    found = TIME.fullmatch(text)
    if not found:
        return None
    day, hour, minute, second, fraction, _, sign, off_hour, off_minute = found.groups()
    start = date(day)
    if start is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None
    seconds = start + int(hour) * 3600 + int(minute) * 60 + int(second)
    if fraction:
        seconds += Fraction("0" + fraction)
    if sign:
        if int(off_hour) > 23 or int(off_minute) > 59:
            return None
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds


def all3(parts):
    parts = list(parts)
    return False if False in parts else None if None in parts else True


def any3(parts):
    parts = list(parts)
    return True if True in parts else None if None in parts else False


def not3(part):
    return None if part is None else not part


def as_list(x):
    return x if isinstance(x, list) else [x]


class Oracle:
    def __init__(self, configuration, tables):
        self.c = configuration
        self.tables = {name: {value(r["key"]): r for r in rows} for name, rows in tables.items()}
        self.seen = {}

    def values(self, lead, name):
        table = name.split(".")[0]
        if table in self.tables:
            row = self.row(lead, table)
            raw = [row[name[len(table) + 1:]]] if row else []
        elif name.startswith("lead."):
            raw = {"lead.id": [lead["id"]], "lead.form_id": [lead.get("form_id") or ""],
                   "lead.is_duplicate": ["true" if self.is_duplicate else "false"],
                   "lead.is_test": ["true" if self.is_test(lead) else "false"],
                   "lead.is_organic": [str(lead["is_organic"]).lower()]
                   if "is_organic" in lead else []}[name]
        elif name.startswith("consent."):
            raw = ["true" if r["is_checked"] == "1" else "false"
                   for r in lead.get("custom_disclaimer_responses", [])
                   if r["checkbox_key"] == name[8:]]
        else:
            wanted = re.fullmatch(r'field\["(.*)"\]', name)
            wanted = wanted.group(1) if wanted else name
            raw = [v for f in lead["field_data"] if value(f["name"]) == value(wanted)
                   for v in f["values"]]
        return [v for v in map(value, raw) if v]

    def is_test(self, lead):
        texts = [v for f in lead["field_data"] for v in f["values"]]
        return any("<test lead: dummy data for" in t or value(t) in ("test@meta.com", "test@fb.com")
                   for t in texts)

    def row(self, lead, table):
        """The first value of what `match` names that is a key selects the row."""
        match = self.c["tables"][table].get("match")
        for v in self.values(lead, match) if match else []:
            if v in self.tables[table]:
                return self.tables[table][v]
        return None

    def note_duplicate(self, lead):
        """True when an earlier lead said the same in all `by` fields, at most `within` before."""
        dedupe, self.is_duplicate = self.c.get("dedupe"), False
        if not dedupe:
            return
        key = tuple(tuple(fold(v) for v in self.values(lead, n)) for n in dedupe["by"])
        if not any(key):
            return
        created, within = time(lead["created_time"]), int(dedupe["within"][:-1]) * 86400
        if key in self.seen:
            self.is_duplicate = self.seen[key] >= created - within
        self.seen[key] = max(created, self.seen.get(key, created))

    def condition(self, lead, when):
        return all3(self.entry(lead, k, v) for k, v in when.items())

    def entry(self, lead, name, what):
        if name == "all":
            return all3(self.condition(lead, c) for c in what)
        if name == "any":
            return any3(self.condition(lead, c) for c in what)
        if name == "not":
            if isinstance(what, list):
                return not3(any3(self.condition(lead, c) for c in what))
            return not3(self.condition(lead, what))
        if name == "use":
            return all3(self.condition(lead, self.c["conditions"][n]) for n in as_list(what))
        if isinstance(what, str):
            what = {"equals": what}
        elif isinstance(what, list):
            what = {"in": what}
        return self.test(lead, name, what)

    def test(self, lead, name, ops):
        values = self.values(lead, name)
        if not values and ops.get("or_missing") == "true":
            return True
        exact = {"true": True, "false": False}.get(
            ops.get("exact"), self.c.get("fields", {}).get(name, {}).get("exact") == "true")
        results, value_ops = [], []
        for op, argument in ops.items():
            if op in MODIFIERS:
                continue
            if op in VALUE_OPERATORS:
                value_ops.append((op, argument))
            elif op == "exists":
                results.append(bool(values) == (argument == "true"))
            elif not values:
                results.append(None)
            elif op == "not_in_table":
                results.append(not any(v in self.tables[argument] for v in values))
            elif op == "valid":
                kind = self.c["fields"][name]["type"]
                well = {"text": lambda v: True, "number": lambda v: number(v) is not None,
                        "date": lambda v: date(v) is not None,
                        "time": lambda v: time(v) is not None}[kind]
                results.append(all(map(well, values)) == (argument == "true"))
            else:  # not_equals, not_in
                results.append(not any(self.text("in", as_list(argument), v, exact)
                                       for v in values))
        if value_ops:
            if not values:
                results.append(None)
            else:
                per = [all3(self.holds(op, a, v, exact) for op, a in value_ops) for v in values]
                results.append(all3(per) if ops.get("every") == "true" else any3(per))
        return all3(results)

    def text(self, op, arguments, v, exact):
        def shape(x):
            return value(x) if exact else fold(value(x))
        v = shape(v)
        for a in map(shape, arguments):
            if {"in": v == a, "starts_with": v.startswith(a), "ends_with": v.endswith(a),
                    "contains": a in v}[op]:
                return True
        return False

    def holds(self, op, argument, v, exact):
        if op in ("equals", "in"):
            return self.text("in", as_list(argument), v, exact)
        if op in ("starts_with", "ends_with", "contains"):
            return self.text(op, as_list(argument), v, exact)
        if op == "in_table":
            return v in self.tables[argument]
        if op == "matches":
            return re.fullmatch(argument, v, re.ASCII) is not None
        if op == "search":
            return re.search(argument, v, re.ASCII) is not None
        if op in ("before", "after"):
            t, limit = (date(x) if time(x) is None else time(x) for x in (v, argument))
            return None if t is None else t < limit if op == "before" else t > limit
        n = number(v)
        if n is None:
            return None
        if op == "between":
            return Decimal(argument[0]) <= n <= Decimal(argument[1])
        limit = Decimal(argument)
        return {"above": n > limit, "at_least": n >= limit, "below": n < limit,
                "at_most": n <= limit}[op]

    def decide(self, lead):
        self.reached, self.decided = [], []
        self.note_duplicate(lead)
        if not self.walk(lead, self.c["routes"], self.c.get("match", "first"), ""):
            default = self.c["default"]
            if "hold" in default:
                return self.result(lead, "held", default["hold"])
            self.reached += [(t, "default", False) for t in as_list(default["to"])]
            return self.result(lead, "default", None)
        if all(drop is not None for _, drop in self.decided):
            return self.result(lead, "dropped", self.decided[0][1])
        return self.result(lead, "routed", None)

    def result(self, lead, outcome, reason):
        seen, deliveries = set(), []
        for copy in (False, True):
            for target, route, is_copy in self.reached:
                whole = target if isinstance(target, str) else (
                    target["sink"], *sorted(target["with"].items()))
                if is_copy == copy and whole not in seen:
                    seen.add(whole)
                    sink = target if isinstance(target, str) else target["sink"]
                    deliveries.append({"sink": sink, "route": route, "copy": copy})
        return {"lead_id": lead["id"], "outcome": outcome, "routes": [r for r, _ in self.decided],
                "deliveries": deliveries, "reason": reason}

    def walk(self, lead, routes, match, parent):
        decided = False
        for route in routes:
            if self.visit(lead, route, parent):
                decided = True
                if match == "first":
                    break
        return decided

    def visit(self, lead, route, parent):
        name = parent + route["id"]
        if route.get("disabled") == "true":
            return False
        if "when" in route and self.condition(lead, route["when"]) is not True:
            return False
        self.reached += [(t, name, True) for t in as_list(route.get("also_to", []))]
        if "routes" in route:
            if self.walk(lead, route["routes"], route.get("match", "first"), name + "/"):
                return True
        if "to" not in route and "drop" not in route:
            return False
        self.reached += [(t, name, False) for t in as_list(route.get("to", []))]
        self.decided.append((name, route.get("drop")))
        return True
