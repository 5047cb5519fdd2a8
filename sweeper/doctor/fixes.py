"""How to mend what is wrong: one text per problem, with what differs between platforms.

Texts are lines: one step or command each. A platform is a name as `platform.system` gives it.
"""

import platform

ANY = "any"
ALLOW_LONG_PATHS = (
    "New-ItemProperty -Path HKLM:\\SYSTEM\\CurrentControlSet\\Control\\FileSystem -Name LongPathsEnabled "
    "-Value 1 -PropertyType DWORD -Force"
)

FIXES: dict[str, dict[str, str]] = {
    "python": {
        "Linux": "install Python 3.11 or newer, then install anew\n"
        "Debian, Ubuntu: apt-get install python3 python3-venv",
        "Darwin": "install Python 3.11 or newer, then install anew\n"
        "brew install python@3.12, or take the installer of python.org",
        "Windows": "install Python 3.11 or newer, 64 bits, then install anew\n"
        "winget install Python.Python.3.12",
    },
    "environment": {
        ANY: "an environment of its own keeps versions apart: make setup",
        "Windows": "an environment of its own keeps versions apart:\n"
        "py -m venv .venv\n.venv\\Scripts\\Activate.ps1\nwhen PowerShell refuses to run scripts: "
        "Set-ExecutionPolicy -Scope CurrentUser RemoteSigned\nor do without activating: "
        ".venv\\Scripts\\python -m sweeper doctor",
    },
    "packages": {
        ANY: 'in the checkout: python -m pip install -c constraints.txt -e ".[dev]"\n'
        "or all of it anew: rm -r .venv && make setup",
        "Windows": 'in the checkout: .venv\\Scripts\\python -m pip install -c constraints.txt -e ".[dev]"',
    },
    "tested": {
        ANY: "these should work; for exactly what was tested, in the checkout:\n"
        'python -m pip install -c constraints.txt -e ".[dev]"',
    },
    "torch_missing": {
        "Linux": "python -m pip install torch==2.13.0\n"
        "no version found? torch has wheels for 64-bit Python and glibc 2.28 or newer (not for Alpine)",
        "Darwin": "python -m pip install torch==2.13.0\n"
        "no version found? torch has wheels for Apple silicon only: on an Intel Mac use a Linux container",
        "Windows": "py -m pip install torch==2.13.0\n"
        "no version found? torch has wheels for 64-bit Python only\na path is too long? as administrator: "
        f"{ALLOW_LONG_PATHS}",
    },
    "torch_broken": {
        "Linux": "python -m pip install --force-reinstall --no-deps torch==2.13.0\n"
        "a .so file is missing? Debian, Ubuntu: apt-get install libgomp1 libstdc++6\n"
        "SIGILL? the processor lacks instructions that this build uses",
        "Darwin": "python -m pip install --force-reinstall --no-deps torch==2.13.0\n"
        "a symbol is not found? Python must be built for this processor: python -c "
        "'import platform; print(platform.machine())'",
        "Windows": "WinError 126 or 1114: install the Microsoft Visual C++ Redistributable (x64):\n"
        "winget install Microsoft.VCRedist.2015+.x64\notherwise: py -m pip install --force-reinstall "
        "--no-deps torch==2.13.0",
    },
    "cuda_unreachable": {
        ANY: "nvidia-smi shows the CUDA version of the driver; older than torch's? update the driver\n"
        "in a container: start it with --gpus all\nor train without: --set training.device=cpu",
    },
    "cuda_unused": {
        ANY: "an NVIDIA GPU is here, but this torch was built without CUDA; small networks do well without\n"
        "for CUDA choose a build on pytorch.org/get-started",
    },
    "device": {ANY: "train on the CPU: --set training.device=cpu"},
    "cpu": {
        ANY: "this build of torch computes wrongly here:\n"
        "python -m pip install --force-reinstall --no-deps torch==2.13.0",
    },
    "workers": {
        "Linux": "processes need semaphores and /dev/shm; in a container: --shm-size=1g or --ipc=host\n"
        "see also the limits on processes and memory: ulimit -u, free -m",
        "Darwin": "see the limits on processes and memory: ulimit -u, vm_stat",
        "Windows": "let the virus scanner pass .venv\\Scripts\\python.exe\n"
        'a script that calls sweeper.run needs: if __name__ == "__main__":',
    },
    "compiler": {
        ANY: "none is needed; stacks run faster with\npython -m pip install llvmlite",
    },
    "runs": {
        ANY: "go to a folder that you may write to, or name one: sweeper run STUDY --runs DIR --reports DIR",
    },
    "long_paths": {
        "Windows": f"move to a shorter path, such as C:\\sweeper, or as administrator: {ALLOW_LONG_PATHS}",
    },
    "disk": {ANY: "free some space, or keep runs elsewhere: sweeper run STUDY --runs DIR --reports DIR"},
    "threads": {
        ANY: "unset OMP_NUM_THREADS MKL_NUM_THREADS",
        "Windows": "Remove-Item Env:OMP_NUM_THREADS, Env:MKL_NUM_THREADS",
    },
    "check": {ANY: "please report this, with the text above"},
}


def fix(problem: str, system: str | None = None) -> str:
    """What to do about `problem` on `system` (default: this one); unknown systems get the text of Linux."""
    texts = FIXES[problem]
    return texts.get(system or platform.system()) or texts.get(ANY) or texts["Linux"]
