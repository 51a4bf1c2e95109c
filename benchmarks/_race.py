"""Contenders that take turns, each in a process of its own.

So no library's threads, memory or patches touch another's. The parent gives each contender the
word in turn (round 1: A, B, C; round 2: B, C, A; ...).
"""

import importlib.util
import multiprocessing
import resource
import threading
import time
import traceback
from dataclasses import dataclass, field


@dataclass
class Contender:
    """One system in a race: `work(turns, config)` runs in a fresh process.

    `needs` names the modules without which it is skipped; `config` goes to `work` as it is. With
    `most` it takes part in so many measured rounds only, for what takes very long.
    """

    name: str
    work: object
    config: dict = field(default_factory=dict)
    needs: tuple = ()
    most: int | None = None

    def missing(self):
        """First module of `needs` that is not installed, or None."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), None)


class Turns:
    """A worker's side of a race: iterate over the rounds' numbers, one timed piece of work each.

    `stop` ends the clock early, with measures of the round; else the next iteration ends it.
    """

    def __init__(self, pipe):
        self._pipe = pipe
        self._running = False
        self._number = -1
        self._told = False

    def __iter__(self):
        return self

    def __next__(self):
        self.stop()
        if not self._told:
            self._pipe.send(("ready", None))
            self._told = True
        if self._pipe.recv() != "go":
            raise StopIteration
        self._running = True
        self._number += 1
        self._cpu = time.process_time()
        self._wall = time.perf_counter()
        return self._number

    def stop(self, **measures):
        """Stop the clock and send what it shows; nothing happens when it stands."""
        if self._running:
            self._send(self._clock() | measures)

    def stop_and_judge(self, judge):
        """Stop the clock, then send what it showed and the quality that `judge()` gives."""
        if self._running:
            shown = self._clock()
            self._send(shown | {"quality": judge()})

    def _clock(self):
        seconds = time.perf_counter() - self._wall
        return {"seconds": seconds, "cpu_seconds": time.process_time() - self._cpu}

    def _send(self, lap):
        self._running = False
        self._pipe.send(("lap", lap))


def race(contenders, rounds, warm_up=1, isolated=True):
    """Let the contenders run in turn, in processes or, if not `isolated`, in threads.

    Gives name -> {"rounds", "warm_up", "end"} or {"skipped": why}.
    """
    results, workers = {}, {}
    try:
        for contender in contenders:
            if missing := contender.missing():
                print(f"  {contender.name}: skipped, {missing} is not installed", flush=True)
                results[contender.name] = {"skipped": f"{missing} is not installed"}
            else:
                workers[contender.name] = _Worker(contender, isolated)
        names = list(workers)
        for name in names:
            workers[name].wait_until_ready()
        for number in range(warm_up + rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                workers[name].run_round(number - warm_up)
        for name in names:
            laps, end = workers[name].finish()
            results[name] = {"warm_up": laps[:warm_up], "rounds": laps[warm_up:], "end": end}
    finally:
        for worker in workers.values():
            worker.close()
    return results


def race_fresh(contenders, rounds, isolated=True):
    """As `race`, but every round in new processes, without warm-up."""
    races = [race(contenders, 1, warm_up=0, isolated=isolated) for _ in range(rounds)]
    joined = races[0]
    for further in races[1:]:
        for name, found in further.items():
            joined[name].get("rounds", []).extend(found.get("rounds", []))
    return joined


class _Worker:
    """The parent's side: a process (or a thread), the laps it sent, and its end result."""

    def __init__(self, contender, isolated):
        context = multiprocessing.get_context("spawn")
        start = context.Process if isolated else threading.Thread
        self.name = contender.name
        self._most = contender.most
        self._isolated = isolated
        self._ready = False
        self._pipe, far_end = context.Pipe()
        self._runner = start(target=_work, args=(far_end, contender.work, contender.config))
        self._runner.start()
        if isolated:
            far_end.close()
        else:
            self.wait_until_ready()
        self._laps = []

    def wait_until_ready(self):
        """Wait for the end of the imports and of all that comes before the first round."""
        if not self._ready:
            self._receive("ready")
        self._ready = True

    def run_round(self, number):
        if self._most is not None and number >= self._most:
            return
        self._pipe.send("go")
        self._laps.append(self._receive("lap"))

    def finish(self):
        self._pipe.send("stop")
        end = self._receive("end")
        self._runner.join()
        return self._laps, end

    def close(self):
        self._pipe.close()
        if self._isolated and self._runner.is_alive():
            self._runner.terminate()
        self._runner.join()

    def _receive(self, expected):
        try:
            kind, content = self._pipe.recv()
        except EOFError:
            kind, content = "error", "the process died"
        if kind != expected:
            raise SystemExit(f"{self.name} failed:\n{content}")
        return content


def _work(pipe, work, config):
    """Body of a worker process."""
    try:
        turns = Turns(pipe)
        end = work(turns, config) or {}
        turns.stop()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send(("end", {"peak_mib": peak, **end}))
    except EOFError:
        pass  # the race was called off
    except Exception:
        pipe.send(("error", traceback.format_exc()))
