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
FIELDS = ["make", "dealer", "budget", "colour", "what car?", 'field["a.b"]']
NAMES = FIELDS + ["t.city", "t.tier", "lead.form_id", "lead.is_test", "lead.is_organic",
                  "consent.optional_1"]
SINKS = ["one", "two", "three", "four"]
ROWS = [{"key": "42", "city": "Nashville", "tier": "premium"},
        {"key": "0042", "city": "Las Vegas", "tier": " "},
        {"key": " x ", "city": "Zoe\u0308", "tier": "basic"},
        {"key": "Honda", "city": "", "tier": "premium"}]


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
                 "at_most", "between", "exists"], self.chance.randint(1, 2)):
            if op in ("equals", "not_equals"):
                ops[op], has_text = self.literal(), True
            elif op in ("in", "not_in"):
                ops[op], has_text = self.literals(), True
            elif op in ("starts_with", "ends_with", "contains"):
                ops[op] = self.chance.choice([self.literal(), self.literals(), "o", "0", "4"])
                has_text = True
            elif op in ("in_table", "not_in_table"):
                ops[op] = "t"
            elif op in ("matches", "search"):
                ops[op] = self.chance.choice(["[0-9]+", "(?i)hon.*", "^.a", "é$", "\\d\\d", "a|b", "."])
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
                result[self.chance.choice(NAMES)] = self.test()
        return result

    def sinks(self):
        chosen = self.chance.sample(SINKS, self.chance.randint(1, 2))
        return chosen[0] if len(chosen) == 1 and self.chance.random() < 0.5 else chosen

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
        return {
            "version": "1",
            "sinks": {s: {"plugin": "file", "path": "out/x"} for s in SINKS},
            "tables": {"t": {"file": "t.csv", "key": "key", "match": "dealer"}},
            "fields": {"make": {"exact": "true"}, "budget": {"type": "number"}},
            "conditions": {"c0": self.condition(uses=("c1",)), "c1": self.condition(uses=())},
            "match": self.chance.choice(["first", "all"]),
            "routes": [self.route(i) for i in range(self.chance.randint(1, 6))],
            "default": self.chance.choice([{"to": ["one"]}, {"hold": "nobody"}]),
        }

    def lead(self, number):
        fields = []
        for name in ["make", "dealer", "budget", "colour", "what car?", "a.b", " make "]:
            if self.chance.random() < 0.6:
                pool = NUMBERS if name == "budget" else TEXTS + ["premium"]
                count = self.chance.choice([0, 1, 1, 1, 2, 3])
                values = [self.chance.choice(pool + ["", "  "]) for _ in range(count)]
                if self.chance.random() < 0.02:
                    values.append("<test lead: dummy data for x>")
                fields.append({"name": name, "values": values})
        self.chance.shuffle(fields)
        lead = {"id": str(1000 + number), "field_data": fields}
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
        lines = ["key,city,tier"] + [f"{r['key']},{r['city']},{r['tier']}" for r in ROWS]
        (folder / "t.csv").write_text("\n".join(lines) + "\n")
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
            oracle = Oracle(configuration, ROWS)
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
