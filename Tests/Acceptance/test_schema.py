"""The schema for editors: accepts every example, marks the mistakes people make."""

import json
import re
import subprocess
import unittest

import jsonschema
import yaml

import world


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it: `no` and `12:30` are texts."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
]:
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


def schema():
    done = subprocess.run(
        [world.LEADROUTER, "schema"], capture_output=True, cwd=world.ROOT, timeout=60, check=True)
    return json.loads(done.stdout)


SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

# Each is one mistake in an otherwise good file.
MISTAKES = {
    "misspelt top key": "rotes: []",
    "misspelt route key": "routes: [{id: r, whne: {f: x}, to: a}]",
    "no id": "routes: [{always: true, to: a}]",
    "id with blanks": "routes: [{id: a b, always: true, to: a}]",
    "when and always": "routes: [{id: r, when: {f: x}, always: true, to: a}]",
    "neither when nor always": "routes: [{id: r, to: a}]",
    "always no": "routes: [{id: r, always: false, to: a}]",
    "to and drop": "routes: [{id: r, always: true, to: a, drop: x}]",
    "no end": "routes: [{id: r, always: true}]",
    "sinks with a comma": "routes: [{id: r, always: true, to: 'a, b'}]",
    "routes as a map": "routes: {id: r, always: true, to: a}",
    "match without routes": "routes: [{id: r, always: true, to: a, match: all}]",
    "unknown match": "match: any",
    "condition as a text": "routes: [{id: r, when: car_make = Honda, to: a}]",
    "unknown operator": "routes: [{id: r, when: {f: {is: x}}, to: a}]",
    "text for a list": "routes: [{id: r, when: {f: {in: x}}, to: a}]",
    "list for a text": "routes: [{id: r, when: {f: {equals: [x]}}, to: a}]",
    "not a number": "routes: [{id: r, when: {f: {above: '20.000,00'}}, to: a}]",
    "one end": "routes: [{id: r, when: {f: {between: [1]}}, to: a}]",
    "yes for true": "routes: [{id: r, when: {f: {exists: yes}}, to: a}]",
    "empty condition": "routes: [{id: r, when: {}, to: a}]",
    "only a modifier": "routes: [{id: r, when: {f: {exact: true}}, to: a}]",
    "blank text": "routes: [{id: r, when: {f: ' '}, to: a}]",
    "any as a map": "routes: [{id: r, when: {any: {f: x}}, to: a}]",
    "unknown attribute": "routes: [{id: r, when: {lead.form: x}, to: a}]",
    "mistake far below": "routes: [{id: r, always: true, routes: [{id: s, when: {not: {any: "
                         "[{f: {equls: x}}]}}, to: a}]}]",
    "nothing behind a key": "routes: [{id: r, always: true, to: }]",
    "default with both": "default: {to: a, hold: x}",
    "unknown plugin": "sinks: {a: {plugin: smpt, url: x}}",
    "no plugin": "sinks: {a: {url: x}}",
    "misspelt setting": "sinks: {a: {plugin: file, pth: x}}",
    "setting missing": "sinks: {a: {plugin: smtp, url: 'smtp://x', from: y}}",
    "no scheme": "sinks: {a: {plugin: smtp, url: mail.example.com, from: x, to: y}}",
    "unknown choice": "sinks: {a: {plugin: file, path: x, format: xls}}",
    "unit missing": "sinks: {a: {plugin: file, path: x, timeout: 30}}",
    "nested setting": "sinks: {a: {plugin: file, path: x, retry: {fro: 3d}}}",
    "reserved name": "sinks: {lead: {plugin: file, path: x}}",
    "table without key": "tables: {t: {file: t.csv}}",
    "unknown type": "fields: {f: {type: numbr}}",
    "dedupe without within": "dedupe: {by: email}",
    "sink and pool": "routes: [{id: r, always: true, to: {sink: a, pool: p}}]",
    "neither sink nor pool": "routes: [{id: r, always: true, to: {with: {to: x}}}]",
    "schedule without a zone": "schedules: {s: {open: {mon: '09:00-12:00'}}}",
    "hours without minutes": "schedules: {s: {time_zone: UTC, open: {mon: '9-13'}}}",
    "hours am and pm": "schedules: {s: {time_zone: UTC, open: {mon: [9am-1pm]}}}",
    "hour 25": "schedules: {s: {time_zone: UTC, open: {mon: '09:00-25:00'}}}",
    "no day": "schedules: {s: {time_zone: UTC, open: {weekend: closed}}}",
    "another form of date": "schedules: {s: {time_zone: UTC, open: {mon: closed},"
                            " closed: [25/12/2025]}}",
    "special day": "schedules: {s: {time_zone: UTC, open: {mon: closed}, special: {25.12.: closed}}}",
    "half open": "routes: [{id: r, when: {schedule.s: half}, to: a}]",
    "test without a name": "tests: [{lead: {a: b}, expect: {outcome: held}}]",
    "unknown outcome": "tests: [{name: x, lead: {a: b}, expect: {outcome: sent}}]",
}

GOOD = {
    "an included file": "routes: [{id: r, when: {f: x}, to: a}]",
    "texts that look like numbers": "routes: [{id: r, when: {zip: 0123, a: [1, 2.5, no]}, to: a}]",
    "one sink or many": "routes: [{id: r, always: true, to: [a, {sink: b, with: {subject: x}}]}]",
    "quoted booleans and numbers":
        "routes: [{id: r, when: {f: {exists: 'false', above: '1.5'}}, to: a}]",
    "every combinator": "conditions: {c: {all: [{f: x}], any: [{use: d}], not: [{use: [e, f]}]}}",
    "odd names": "routes: [{id: r, when: {'what car?': x, 'field[\"a.b\"]': y, consent.x: true,"
                 " store.tier: z}, to: a}]",
    "secrets": "sinks: {a: {plugin: smtp, url: '${U}', from: x, to: y, password: {file: p},"
               " timeout: '${T}', tls: '${TLS}'}}",
    "tls off": "sinks: {a: {plugin: smtp, url: 'smtp://u', from: x, to: y, tls: off}}",
    "a file of tests": "tests: [{name: x, lead: {a: [b, ''], lead.id: 1}, expect: {outcome: routed,"
                       " rendered: {a: {to: x, body: {contains: [y]}}}}}]",
    "schedules and pools": "schedules: {s: {time_zone: Europe/Rome, open: {mon-fri: '09:00-12:00'}}}\n"
                           "pools: {p: {members: [a, {to: {sink: b, with: {to: x}}, schedule: s}],"
                           " fallback: c}}\nroutes: [{id: r, when: {schedule.s: open}, to: [{pool:"
                           " p}, a], hold_until: {schedule: s, at_most: 3h, then: b}}]",
    "days and dates": "schedules: {s: {time_zone: UTC, open: {'Mon-Fri,sunday': ['9:00-24:00'],"
                      " sat: closed}, closed: ['2025-12-25..2026-01-06', 12-25, 2025-12-26],"
                      " special: {12-24: '09:00-12:00'}}}",
    "days and times": "routes: [{id: r, when: {lead.created_time: {after: 2025-10-09,"
                      " before: 2025-10-10T08:00:00Z}}, to: a}]",
}


def documents(path):
    text = path.read_text()
    if path.suffix == ".yaml":
        return [(str(path), text)]
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    return [(f"{path}, block {i + 1}", block) for i, block in enumerate(blocks)]


class Schema(unittest.TestCase):
    def errors(self, text):
        document = yaml.load(text, CoreLoader)
        return [f"{list(e.absolute_path)}: {e.message}" for e in VALIDATOR.iter_errors(document)]

    def test_it_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_the_example_rules_are_good(self):
        for path in sorted((world.ROOT / "rules").rglob("*.yaml")):
            with self.subTest(str(path)):
                self.assertEqual(self.errors(path.read_text()), [])

    def test_the_manual_s_whole_examples_are_good(self):
        found = 0
        for path in [world.ROOT / "README.md", *sorted((world.ROOT / "docs").rglob("*.md"))]:
            # Half of the examples of the linter's page are wrong on purpose; it has its own test.
            for name, text in documents(path) if path.name != "lint.md" else []:
                document = yaml.load(text, CoreLoader)
                if not isinstance(document, dict) or not set(document) <= set(
                        SCHEMA["definitions"]["configuration"]["properties"]):
                    continue
                found += 1
                with self.subTest(name):
                    self.assertEqual(self.errors(text), [])
        self.assertGreater(found, 2)

    def test_the_plugins_examples_are_good(self):
        for name in ["meta", "webhook", "file", "http", "smtp"]:
            done = subprocess.run(
                [world.LEADROUTER, "plugins", name, "--format", "ndjson"], capture_output=True,
                cwd=world.ROOT, timeout=60, check=True)
            self.assertEqual(json.loads(done.stdout.splitlines()[0])["name"], name)
            shown = subprocess.run(
                [world.LEADROUTER, "plugins", name], capture_output=True, cwd=world.ROOT,
                timeout=60, check=True).stdout.decode()
            with self.subTest(name):
                self.assertEqual(self.errors(shown.split("\nExample:\n\n")[1]), [])

    def test_typical_mistakes_are_marked(self):
        for name, text in MISTAKES.items():
            with self.subTest(name):
                self.assertNotEqual(self.errors(text), [])

    def test_what_the_program_accepts_is_not_marked(self):
        for name, text in GOOD.items():
            with self.subTest(name):
                self.assertEqual(self.errors(text), [])


if __name__ == "__main__":
    unittest.main()
