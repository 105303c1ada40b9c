"""Random configurations and leads: the program and an independent evaluator must agree."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

import world
from rules_oracle import Oracle

SEED = int(os.environ.get("ORACLE_SEED", str(random.randrange(1 << 32))))
ROUNDS = int(os.environ.get("ORACLE_ROUNDS", "150"))
LEADS = 60
TEXTS = ["Honda", "honda", "HONDA", " Honda\u00a0", "Straße", "STRASSE", "strasse", "İzmir", "Zoë",
         "Zoe\u0308", "ΣΑΣ", "σας", "σασ", "x", "0042", "42", "00042", "a b", "café", "cafe", "ﬁt",
         "FIT", "\u200b42", "ﬀ", "ꭰ", "Ꭰ", "ǰ", "ΐ", "ᾳ", "ß", "ẞ", "Ω", "Å", "<b>", "a.b"]
NUMBERS = ["5", "5.0", "05", "-3", "+7", "10.50", "10.5", "1e3", "٣", "abc", "20000",
           "99999999999999999999.1", "0", "-0", "0.0", ".5", "5."]
TIMES = ["2025-10-09", "2025-10-09T08:00:00Z", "2025-10-09t10:00:00+0200", "2025-10-09T07:59:60z",
         "2025-10-09T08:00:00.000000000001Z", "2025-10-09T08:00:00.1-00:30", "2025-02-29", "2024-02-29",
         "2025-10-09 08:00:00Z", "2025-10-09T24:00:00Z", "2025-13-01", "1969-12-31T23:59:59.5Z", "soon"]
LIMITS = ["2025-10-09", "2025-10-09T08:00:00Z", "2025-10-09T08:00:00.000000000001Z", "2024-02-29",
          "1970-01-01"]
FIELDS = ["make", "dealer", "budget", "colour", "what car?", 'field["a.b"]', "date"]
NAMES = FIELDS + ["t.city", "t.tier", "u.boss", "u.note", "lead.form_id", "lead.is_duplicate", "lead.is_test", "lead.is_organic",
                  "consent.optional_1"]
SINKS = ["one", "two", "three", "four"]
ROWS = [{"key": "42", "city": "Nashville", "tier": "premium"},
        {"key": "0042", "city": "Las Vegas", "tier": " "},
        {"key": " x ", "city": "Zoe\u0308", "tier": "basic"},
        {"key": "Honda", "city": "", "tier": "premium"}]

# A table that is reached through a column of another, and one without `match`.
REGIONS = [{"key": "Nashville", "boss": "Honda", "note": "5"},
           {"key": "Zoë", "boss": "x", "note": "2025-10-09"}]
WORDS = [{"key": "Straße", "z": "1"}, {"key": "honda", "z": ""}, {"key": "10.5", "z": "2"}]
TABLES = {"t": ROWS, "u": REGIONS, "w": WORDS}


class Maker:
    def __init__(self, chance):
        self.chance = chance

    def text(self):
        return self.chance.choice(TEXTS + NUMBERS + ["premium", "basic", "Nashville", "true", "false"])

    def literal(self):
        return self.text()

    def literals(self):
        return [self.literal() for _ in range(self.chance.randint(1, 3))]

    def numeral(self):
        return self.chance.choice(["5", "5.00", "-3", "7", "10.5", "20000", "0", "99999999999999999999"])

    def test(self):
        kind = self.chance.random()
        if kind < 0.25:
            return self.literal()
        if kind < 0.4:
            return self.literals()
        ops, has_text, has_value, has_exists = {}, False, False, False
        for op in self.chance.sample(
                ["equals", "in", "not_equals", "not_in", "in_table", "not_in_table", "starts_with",
                 "ends_with", "contains", "matches", "search", "above", "at_least", "below",
                 "at_most", "between", "before", "after", "exists"], self.chance.randint(1, 2)):
            if op in ("equals", "not_equals"):
                ops[op], has_text = self.literal(), True
            elif op in ("in", "not_in"):
                ops[op], has_text = self.literals(), True
            elif op in ("starts_with", "ends_with", "contains"):
                ops[op] = self.chance.choice([self.literal(), self.literals(), "o", "0", "4"])
                has_text = True
            elif op in ("in_table", "not_in_table"):
                ops[op] = self.chance.choice(["t", "u", "w"])
            elif op in ("matches", "search"):
                ops[op] = self.chance.choice(["[0-9]+", "(?i)hon.*", "^.a", "é$", "\\d\\d", "a|b", "."])
            elif op in ("before", "after"):
                ops[op] = self.chance.choice(LIMITS)
            elif op == "between":
                low, high = sorted([self.numeral(), self.numeral()], key=float)
                ops[op] = [low, high]
            elif op == "exists":
                ops[op], has_exists = self.chance.choice(["true", "false"]), True
            else:
                ops[op] = self.numeral()
            has_value |= op not in ("not_equals", "not_in", "not_in_table", "exists")
        if has_text and self.chance.random() < 0.3:
            ops["exact"] = self.chance.choice(["true", "false"])
        if has_value and self.chance.random() < 0.3:
            ops["every"] = "true"
        if not has_exists and self.chance.random() < 0.3:
            ops["or_missing"] = "true"
        return ops

    def condition(self, depth=0, uses=("c0", "c1")):
        result = {}
        for _ in range(self.chance.randint(1, 3)):
            kind = self.chance.random()
            if depth < 2 and kind < 0.1:
                result["all"] = [self.condition(depth + 1, uses) for _ in range(2)]
            elif depth < 2 and kind < 0.25:
                result["any"] = [self.condition(depth + 1, uses) for _ in range(2)]
            elif depth < 2 and kind < 0.4:
                inner = self.condition(depth + 1, uses)
                result["not"] = self.chance.choice([inner, [inner, self.condition(depth + 1, uses)]])
            elif kind < 0.5 and uses:
                result["use"] = self.chance.choice([uses[0], list(uses)])
            else:
                name = self.chance.choice(NAMES)
                result[name] = self.test()
                if name in ("budget", "date", "colour") and self.chance.random() < 0.3:
                    result[name] = {"valid": self.chance.choice(["true", "false"])}
        return result

    def sinks(self):
        chosen = self.chance.sample(SINKS, self.chance.randint(1, 2))
        if self.chance.random() < 0.2:
            chosen[0] = {"sink": chosen[0], "with": {"path": self.chance.choice(["out/y", "out/z"])}}
        return chosen[0] if len(chosen) == 1 and self.chance.random() < 0.5 else chosen

    def store_route(self, number):
        """One of many routes that differ in one text: those that an index serves."""
        name = self.chance.choice(["dealer", "make", "t.city", "lead.form_id"])
        test = self.chance.choice([self.literal(), self.literals(),
                                   {"in": self.literals(), "exact": "true"}])
        when = {name: test}
        if self.chance.random() < 0.3:
            when = {"any": [when, {"dealer": self.literal()}]}
        if self.chance.random() < 0.3:
            when |= self.condition(depth=2)
        return {"id": f"s{number}", "when": when, "to": self.sinks()}

    def route(self, number, depth=0):
        route = {"id": f"r{number}"}
        if self.chance.random() < 0.2:
            route["always"] = "true"
        else:
            route["when"] = self.condition()
        kind = self.chance.random()
        if depth < 2 and kind < 0.3:
            route["routes"] = [self.route(i, depth + 1) for i in range(self.chance.randint(1, 3))]
            if self.chance.random() < 0.5:
                route["match"] = self.chance.choice(["first", "all"])
        if self.chance.random() < 0.3:
            route["also_to"] = self.sinks()
        if kind > 0.85:
            route["drop"] = "dropped by " + route["id"]
        elif kind > 0.2 or not route.keys() & {"routes", "also_to"}:
            route["to"] = self.sinks()
        if self.chance.random() < 0.05:
            route["disabled"] = "true"
        return route

    def configuration(self):
        routes = [self.route(i) for i in range(self.chance.randint(1, 6))]
        if self.chance.random() < 0.3:
            routes += [self.store_route(i) for i in range(self.chance.randint(5, 60))]
            self.chance.shuffle(routes)
        configuration = {
            "version": "1",
            "sinks": {s: {"plugin": "file", "path": "out/x"} for s in SINKS},
            "tables": {"t": {"file": "t.csv", "key": "key", "match": "dealer"},
                       "u": {"file": "u.csv", "key": "key", "match": "t.city"},
                       "w": {"file": "w.csv", "key": "key"}},
            "fields": {"make": {"exact": "true"}, "budget": {"type": "number"},
                       "date": {"type": self.chance.choice(["date", "time"])},
                       "colour": {"type": "text"}},
            "conditions": {"c0": self.condition(uses=("c1",)), "c1": self.condition(uses=())},
            "match": self.chance.choice(["first", "all"]),
            "routes": routes,
            "default": self.chance.choice([{"to": ["one"]}, {"hold": "nobody"}]),
        }
        if self.chance.random() < 0.3:
            configuration["dedupe"] = {"by": self.chance.choice([["make"], ["make", "budget"]]),
                                       "within": self.chance.choice(["1d", "30d"])}
        return configuration

    def lead(self, number):
        fields = []
        for name in ["make", "dealer", "budget", "colour", "what car?", "a.b", " make ", "date"]:
            if self.chance.random() < 0.6:
                pool = NUMBERS if name == "budget" else TIMES if name == "date" else TEXTS + ["premium"]
                count = self.chance.choice([0, 1, 1, 1, 2, 3])
                values = [self.chance.choice(pool + ["", "  "]) for _ in range(count)]
                if self.chance.random() < 0.02:
                    values.append("<test lead: dummy data for x>")
                fields.append({"name": name, "values": values})
        self.chance.shuffle(fields)
        day = self.chance.randint(1, 28)
        lead = {"id": str(1000 + number), "field_data": fields,
                "created_time": f"2025-10-{day:02}T08:00:00+0000"}
        if self.chance.random() < 0.5:
            lead["form_id"] = self.chance.choice(["42", "5"])
        if self.chance.random() < 0.5:
            lead["is_organic"] = self.chance.choice([True, False])
        if self.chance.random() < 0.5:
            lead["custom_disclaimer_responses"] = [
                {"checkbox_key": "optional_1", "is_checked": self.chance.choice(["1", ""])}]
        return lead


class Agreement(unittest.TestCase):
    def test_random_rules_and_leads(self):
        print(f"ORACLE_SEED={SEED} ORACLE_ROUNDS={ROUNDS}", flush=True)
        maker = Maker(random.Random(SEED))
        folder = pathlib.Path(tempfile.mkdtemp(prefix="oracle-"))
        self.addCleanup(shutil.rmtree, folder)
        for name, rows in TABLES.items():
            lines = [",".join(rows[0])] + [",".join(r.values()) for r in rows]
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        outcomes = set()
        for _ in range(ROUNDS):
            configuration = maker.configuration()
            # JSON is YAML; every scalar is text either way.
            (folder / "leadrouter.yaml").write_text(
                json.dumps(configuration, ensure_ascii=False, indent=1))
            leads = [maker.lead(number) for number in range(LEADS)]
            done = subprocess.run(
                [world.LEADROUTER, "dry-run", "--config", str(folder), "--format", "ndjson", "-"],
                input="\n".join(json.dumps(l) for l in leads).encode(), capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            oracle = Oracle(configuration, TABLES)
            for lead, line in zip(leads, done.stdout.splitlines(), strict=True):
                wanted, got = oracle.decide(lead), json.loads(line)
                outcomes.add(wanted["outcome"])
                if wanted != got:
                    text = json.dumps(configuration, ensure_ascii=False, indent=1)
                    self.fail(f"{text}\n{json.dumps(lead, ensure_ascii=False)}\n"
                              f"wanted {wanted}\ngot    {got}")
        self.assertEqual(outcomes, {"routed", "default", "held", "dropped"})


if __name__ == "__main__":
    unittest.main()
