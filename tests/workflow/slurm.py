#!/usr/bin/env python3
"""A Slurm of one node on this machine, in a temporary folder, for as long as a test needs it.

tests/workflow/slurm.py COMMAND...      runs a command with SLURM_CONF set

Needs Debian's slurm-wlm and munge; changes no file of an installed Slurm.
"""

import contextlib
import getpass
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
CONFIGURATION = """
ClusterName=hrinet-test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={control_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
MinJobAge=600
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """The first program that a Slurm needs and this machine lacks, or None."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return next((name for name in PROGRAMS if not shutil.which(name, path=path)), None)


def free_ports(count):
    with contextlib.ExitStack() as open_sockets:
        taken = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


def write_configuration(folder):
    control_port, node_port = free_ports(2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    values = {
        "host": socket.gethostname().split(".")[0],
        "user": getpass.getuser(),
        "folder": folder,
        "cores": os.cpu_count(),
        "memory": int(0.9 * memory),
        "control_port": control_port,
        "node_port": node_port,
    }
    folder.joinpath("slurm.conf").write_text(CONFIGURATION.format(**values))
    # Snakemake's jobs call srun without SLURM_CONF.
    srun = folder / "bin" / "srun"
    srun.parent.mkdir()
    path = shutil.which("srun")
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {path} "$@"\n')
    srun.chmod(0o755)
    # A card in name alone: it is asked for and given as a real one is.
    folder.joinpath("gres.conf").write_text(f"NodeName={values['host']} Name=gpu File=/dev/null\n")
    folder.joinpath("munge.key").write_bytes(secrets.token_bytes(128))
    folder.joinpath("munge.key").chmod(0o400)


@contextlib.contextmanager
def running():
    """Starts the three services; gives the environment in which Slurm's commands reach them."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hrinet-slurm-"))
    folder.chmod(0o755)
    for name in ("state", "spool"):
        folder.joinpath(name).mkdir()
    write_configuration(folder)
    environment = {
        **os.environ,
        "PATH": f"{folder}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
        "SLURM_CONF": f"{folder}/slurm.conf",
    }
    services = []

    def start(*command):
        with open(folder / f"{command[0]}.out", "w") as log:
            services.append(
                subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            )

    try:
        start("munged", "--foreground", "--force", f"--key-file={folder}/munge.key",
              f"--socket={folder}/munge.socket", f"--pid-file={folder}/munge.pid",
              f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed")  # fmt: skip
        wait(lambda: folder.joinpath("munge.socket").exists(), folder)
        start("slurmctld", "-D", "-i")
        start("slurmd", "-D")
        wait(lambda: "idle" in call(environment, "sinfo", "--noheader", "--format=%t"), folder)
        yield environment
        call(environment, "scancel", f"--user={getpass.getuser()}")
        wait(lambda: not call(environment, "squeue", "--noheader"), folder)
    finally:
        for service in reversed(services):
            service.terminate()
        for service in services:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(20)
            service.kill()
            service.wait()
        shutil.rmtree(folder, ignore_errors=True)


def call(environment, *command):
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def wait(condition, folder, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            logs = (
                f"{log.name}:\n{log.read_text()[-2000:]}" for log in folder.glob("*.[lo][ou][gt]")
            )
            raise RuntimeError("Slurm does not start\n" + "\n".join(logs))
        time.sleep(0.2)


if __name__ == "__main__":
    with running() as environment:
        sys.exit(subprocess.run(sys.argv[1:], env=environment).returncode)
