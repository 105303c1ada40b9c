#!/usr/bin/env python3
"""Writes the data of Benchmarks/dry-run: FOLDER LEADS RULES.

FOLDER/leads.ndjson: the sample leads again and again, each with an id of its own.
FOLDER/rules: RULES routes, one a store, and twenty generic ones behind them.
Deterministic; does nothing when what it would write is there already.
"""
import pathlib
import re
import sys

SAMPLES = pathlib.Path(__file__).parent.parent / "rules/samples/dealer-leads.ndjson"

ROOT = """version: 1
include: [stores.yaml, generic.yaml]
sinks:
  store-email: {plugin: file, path: "out/{{lead.id}}.ndjson"}
  store-crm: {plugin: file, path: "out/crm/{{lead.id}}.ndjson"}
  head-office: {plugin: file, path: out/head-office.ndjson}
default: {to: [head-office]}
"""


def store_number(number, samples):
    return samples[number] if number < len(samples) else f"S{number:07d}"


def stores(count, samples):
    yield "routes:\n"
    for number in range(count):
        store = store_number(number, samples)
        second = "\n      car_make: [Honda, Toyota, Renault]" if number % 10 == 9 else ""
        sink = "store-crm" if number % 3 == 0 else "store-email"
        yield (
            f"  - id: store-{number}\n    note: leads of store {store}\n    when:\n"
            f"      selected_dealer: \"{store}\"{second}\n    to: [{sink}]\n"
        )


def generic():
    yield "routes:\n"
    conditions = [
        "zip_code: {starts_with: ['75', '92', '13']}",
        "email: {matches: '.*@example\\.(org|net)'}",
        "car_make: {in: [Honda, Toyota, 'Citroën']}",
        "full_name: {contains: test}",
        "budget: {at_least: 20000}",
    ]
    for number in range(20):
        condition = conditions[number % len(conditions)]
        yield (
            f"  - id: generic-{number}\n    when:\n      {condition}\n"
            f"      lead.platform: p{number}\n    to: [head-office]\n"
        )


def leads(count):
    lines = SAMPLES.read_bytes().splitlines()
    parts = [re.fullmatch(rb'(\{"id":")\d+(".*)', line).groups() for line in lines]
    for number in range(count):
        before, after = parts[number % len(parts)]
        yield b"%s%d%s\n" % (before, 2_000_000_000_000_000 + number, after)


def main():
    folder, lead_count, rule_count = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stamp = f"1 {lead_count} {rule_count}\n"
    if (folder / "stamp").exists() and (folder / "stamp").read_text() == stamp:
        return
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    found = re.findall(rb'"selected_dealer","values":\["(\w+)"', SAMPLES.read_bytes())
    samples = sorted({store.decode() for store in found})
    (folder / "rules/leadrouter.yaml").write_text(ROOT)
    (folder / "rules/stores.yaml").write_text("".join(stores(rule_count, samples)))
    (folder / "rules/generic.yaml").write_text("".join(generic()))
    with (folder / "leads.ndjson").open("wb") as file:
        file.writelines(leads(lead_count))
    (folder / "stamp").write_text(stamp)


main()
