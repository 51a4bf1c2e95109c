"""Benchmarks: a race, equal quality asserted, then ratios; options, JSON and what is printed.

The first round of a race is warm-up and is kept apart. A quick run has threads instead of
processes and no warm-up: it shows that everything runs, not how fast.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from _environment import stamp
from _race import Contender, race, race_fresh

OWN = "skattn"


def alone(options, work, config):
    """Run `work(config)` in a fresh process and return what it gives."""
    contender = Contender("measurement", _as_contender, {"work": work, "config": config})
    found = race([contender], rounds=0, warm_up=0, isolated=not options.quick)
    return found["measurement"]["end"]


def _as_contender(turns, config):
    next(turns, None)
    return config["work"](config["config"])


def ask(
    options,
    question,
    contenders,
    *,
    rounds,
    tolerance,
    goals=None,
    own=OWN,
    fresh=False,
    learning=False,
    **facts,
):
    """Race, check the quality, print, and give the answer as a JSON-ready dict.

    Unequal quality: no ratios, "unequal" says why, and the script will fail at its end.
    A contender's quality is its end result's, or the mean of "quality" over its rounds; all must
    lie within `tolerance` of the best. `goals`: contender -> least ratio wanted of its time to
    ours. `fresh`: a new process for every round. `learning`: each round trains on, so our quality
    is compared with each contender's after as many rounds as both have had, and those that are
    equal to us keep their ratios. `limit` among the facts: most seconds wanted of ours.
    """
    print(f"\n{question}", flush=True)
    contenders = [contender for contender in contenders if contender.name not in options.skip]
    isolated = not options.quick
    if fresh:
        found = race_fresh(contenders, rounds, isolated)
    else:
        found = race(contenders, rounds, options.warm_up, isolated)
    results = {name: _summary(result, learning) for name, result in found.items()}
    if learning:
        gaps = gaps_while_learning(results, tolerance, own)
        unequal, apart = "; ".join(gaps.values()) or None, gaps
    else:
        unequal = quality_gap(results, tolerance)
        apart = results if unequal else ()
    found = {name: result for name, result in results.items() if name == own or name not in apart}
    answer = {
        "question": question,
        "own": own,
        "tolerance": tolerance,
        "goals": goals or {},
        "contenders": results,
        "unequal": unequal,
        "ratios": ratios(found, own),
        **facts,
    }
    show(answer)
    return answer


def _summary(found, learning=False):
    """Add median and spread of the seconds, and the quality, to a contender's record."""
    if "skipped" in found:
        return found
    seconds = [lap["seconds"] for lap in found["rounds"]]
    qualities = [lap["quality"] for lap in found["rounds"] if "quality" in lap]
    counted = qualities[-1:] if learning else qualities
    quality = found["end"].get("quality", statistics.fmean(counted) if counted else None)
    return {
        **found,
        "median": statistics.median(seconds),
        "spread": [min(seconds), max(seconds)],
        "quality": quality,
    }


def quality_gap(results, tolerance):
    """What is unequal unless all qualities lie within `tolerance` of the best one, else None."""
    qualities = {
        name: found["quality"]
        for name, found in results.items()
        if found.get("quality") is not None
    }
    if not qualities or min(qualities.values()) >= max(qualities.values()) - tolerance:
        return None
    told = ", ".join(f"{name} {quality:.4f}" for name, quality in qualities.items())
    return f"No ratio: the qualities differ by more than {tolerance}: {told}"


def gaps_while_learning(results, tolerance, own=OWN):
    """`quality_gap` of us and each contender after as many rounds as both have had, by name."""
    laps = {n: f["warm_up"] + f["rounds"] for n, f in results.items() if "rounds" in f}
    ours, gaps = laps.get(own, []), {}
    for name, theirs in laps.items():
        both = min(len(ours), len(theirs))
        if both and (gap := quality_gap({own: ours[both - 1], name: theirs[both - 1]}, tolerance)):
            gaps[name] = f"{gap} (after {both} rounds)"
    return gaps


def ratios(results, own=OWN):
    """Time of each contender over ours, round by round: name -> {"median", "spread"}.

    One with fewer rounds than we have: its median over ours, since of two or three pairs one slow
    round would decide.
    """
    if "rounds" not in results.get(own, {}):
        return {}
    found = {}
    for name, theirs in results.items():
        if name == own or "rounds" not in theirs:
            continue
        our_seconds, their_seconds = (
            [lap["seconds"] for lap in result["rounds"]] for result in (results[own], theirs)
        )
        pairs = zip(their_seconds, our_seconds, strict=False)
        by_round = [their / our for their, our in pairs]
        middle = statistics.median(by_round)
        if len(their_seconds) < len(our_seconds):
            middle = statistics.median(their_seconds) / statistics.median(our_seconds)
        found[name] = {"median": middle, "spread": [min(by_round), max(by_round)]}
    return found


def show(answer):
    """Print one answer: a line a contender."""
    for name, found in answer["contenders"].items():
        if "skipped" in found:
            continue
        low, high = found["spread"]
        line = f"  {name:<24} {found['median']:9.4f} s  ({low:.4f} to {high:.4f})"
        line += f"  n={len(found['rounds'])}"
        if found["quality"] is not None:
            line += f"  quality {found['quality']:.4g}"
        if name in answer["ratios"]:
            line += f"  {answer['ratios'][name]['median']:.2f}x ours"
        if name in answer["goals"]:
            line += f" (goal {answer['goals'][name]:.2f}x)"
        if name == answer["own"] and "limit" in answer:
            line += f"  (goal {answer['limit']:g} s)"
        print(line, flush=True)
    if answer["unequal"]:
        print(f"  {answer['unequal']}", flush=True)


def measured(question, rows, unequal=None):
    """Print single measures; give them as a JSON-ready answer.

    `rows`: (what, value, unit, goal), the goal being the most that is wanted, or None.
    """
    print(f"\n{question}")
    for what, value, unit, goal in rows:
        told = "" if goal is None else f"  (goal {goal:g})"
        print(f"  {what:<44} {value:10.4g} {unit}{told}", flush=True)
    names = ("what", "value", "unit", "goal")
    measures = [dict(zip(names, row, strict=True)) for row in rows]
    return {"question": question, "measures": measures, "unequal": unequal}


def parser(description):
    """Options that every benchmark has; read them with `read_options`."""
    options = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    options.add_argument("--quick", action="store_true", help="smoke test: seconds, no meaning")
    options.add_argument("--data", metavar="DIR", help="folder of real texts (DIR/r8/train.tsv.gz)")
    options.add_argument("--output", metavar="FILE", help="write the results there, as JSON")
    options.add_argument("--rounds", type=int, help="measured rounds")
    options.add_argument("--skip", nargs="*", default=[], metavar="NAME", help="contenders to skip")
    return options


def read_options(options_parser):
    """The options, with the rounds of warm-up; says so where a measurement makes no sense."""
    options = options_parser.parse_args()
    options.warm_up = 0 if options.quick else 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.25 * os.cpu_count():
        print(f"Other work is running here (load average {load:.1f}): do not trust the figures.")
    return options


def write(options, name, answers):
    """Write the answers with the environment they came from to `--output`.

    Ends the script with status 1 if the contenders of a question were not equally good.
    """
    content = {
        "benchmark": name,
        "quick": options.quick,
        "data": "real" if options.data else "generated",
        "command": _command(options),
        "environment": stamp(),
        "answers": answers,
    }
    if options.output:
        Path(options.output).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if unequal := [answer["unequal"] for answer in answers if answer["unequal"]]:
        raise SystemExit("\n".join(unequal))


def _command(options):
    """The command line, with the user's own folders and files left out."""
    words = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    model = getattr(options, "pretrained", None)
    for own, shown in ((options.data, "DIR"), (model, "MODEL"), (options.output, "FILE")):
        words = words.replace(str(own), shown) if own else words
    return words
