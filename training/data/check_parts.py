#!/usr/bin/env python3
"""Checks ticket files: python3 check_parts.py FILE.jsonl ... ; exits 1 and names every bad line.

A line is {"id","language","subject","body","category","priority","tone","channel","sector"}. Refused: unknown labels,
empty bodies, bodies outside 1..220 words, and near-copies (Jaccard of word 3-grams, or of words, too high).
"""
import json, re, sys, collections

CATEGORIES = """account_access billing_payment orders_delivery technical_problem how_to feature_request
onboarding_training cancellation security_privacy complaint_feedback other""".split()
ALLOWED = {
    "language": {"en", "es"}, "category": set(CATEGORIES), "priority": {"urgent", "high", "normal", "low"},
    "tone": {"negative", "neutral", "positive"}, "channel": {"email", "web", "chat", "phone"},
}
KEYS = {"id", "language", "subject", "body", "category", "priority", "tone", "channel", "sector"}

def words(text):
    return re.findall(r"\w+", text.lower())

def grams(ws, n):
    return {" ".join(ws[i : i + n]) for i in range(max(1, len(ws) - n + 1))}

def jaccard(a, b):
    return len(a & b) / max(1, len(a | b))

def main(paths):
    rows, bad = [], 0
    def complain(where, what):
        nonlocal bad
        bad += 1
        print(f"{where}: {what}")
    for path in paths:
        for n, line in enumerate(open(path, encoding="utf-8"), 1):
            where = f"{path}:{n}"
            try:
                row = json.loads(line)
            except ValueError as e:
                complain(where, f"not JSON: {e}")
                continue
            if set(row) != KEYS:
                complain(where, f"keys missing {sorted(KEYS - set(row))}, unknown {sorted(set(row) - KEYS)}")
                continue
            for key, allowed in ALLOWED.items():
                if row[key] not in allowed:
                    complain(where, f"{key}={row[key]!r} is not one of {sorted(allowed)}")
            count = len(words(row["subject"] + " " + row["body"]))
            if not 1 <= count <= 220:
                complain(where, f"{count} words")
            rows.append((where, row))
    ids = collections.Counter(r["id"] for _, r in rows)
    for where, r in rows:
        if ids[r["id"]] > 1:
            complain(where, f"id {r['id']} is used {ids[r['id']]} times")
    sets = [(grams(words(r["body"]), 3), set(words(r["body"]))) for _, r in rows]
    index = collections.defaultdict(list)
    for i, (three, _) in enumerate(sets):
        for g in three:
            index[g].append(i)
    for i, (three, single) in enumerate(sets):
        for j in {j for g in three for j in index[g] if j < i}:
            if jaccard(three, sets[j][0]) > 0.2 or (len(single) > 7 and jaccard(single, sets[j][1]) > 0.55):
                complain(rows[i][0], f"too like {rows[j][0]}: {rows[i][1]['body'][:80]!r}")
    for key in ("language", "category", "priority", "tone", "channel"):
        print(key, dict(collections.Counter(r[key] for _, r in rows).most_common()))
    print(f"{len(rows)} tickets, {bad} problems")
    return 1 if bad else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
