"""Faults of disks on their way: exports, imports, NBD, changed blocks.

Part of `host.faults`; from another process through the plugin `xolite-demo`, with the parameters as
strings: `cut_export {"after_bytes": "4194304", "count": "1"}`.
"""

from __future__ import annotations

from .registry import Failure

TRANSFER_FUNCTIONS = {
    "cut_export": ("after_bytes", "count"),
    "cut_import": ("after_bytes", "count"),
    "fail_export": ("after_bytes", "count"),
    "refuse_nbd": ("count",),
    "drop_nbd": ("after_bytes", "count"),
    "nbd_errors": ("count",),
    "old_nbd": ("on",),
    "fail_changed_blocks": ("count",),
    "full_on_import": ("count",),
    "limit_transfers": ("bytes_per_s",),
}


class TransferFaults:
    """What goes wrong with transfers; counts say how many of the next ones.

    Attributes:
        bytes_per_s: how fast each export, import or NBD connection is; 0 without a limit.
        nbd_is_old: NBD as xapi-nbd has it: nothing but the export's name, no structured replies.
    """

    def __init__(self) -> None:
        self.clear_transfers()

    def clear_transfers(self) -> None:
        """Transfer again."""
        self.bytes_per_s = 0.0
        self.nbd_is_old = False
        self._cut_exports: list[int] = []
        self._failed_exports: list[int] = []
        self._cut_imports: list[int] = []
        self._drops: list[int] = []
        self._refused_nbd = 0
        self._nbd_errors = 0
        self._changed_blocks = 0
        self._full_imports = 0

    def cut_export(self, after_bytes: int = 0, count: int = 1) -> None:
        """The next exports end after so many bytes, without a word but in their task."""
        self._cut_exports += [after_bytes] * count

    def fail_export(self, after_bytes: int = 0, count: int = 1) -> None:
        """The next exports end after so many bytes as if that was all; their task fails."""
        self._failed_exports += [after_bytes] * count

    def cut_import(self, after_bytes: int = 0, count: int = 1) -> None:
        """The next imports hang up after so many bytes."""
        self._cut_imports += [after_bytes] * count

    def refuse_nbd(self, count: int = 1) -> None:
        """The next NBD connections are closed at once."""
        self._refused_nbd += count

    def drop_nbd(self, after_bytes: int = 0, count: int = 1) -> None:
        """The next NBD connections are cut after so many bytes of data."""
        self._drops += [after_bytes] * count

    def nbd_errors(self, count: int = 1) -> None:
        """The next NBD reads are answered with an input/output error."""
        self._nbd_errors += count

    def old_nbd(self, on: int = 1) -> None:
        """Speak NBD as old hosts do, until `old_nbd(0)`."""
        self.nbd_is_old = bool(on)

    def fail_changed_blocks(self, count: int = 1) -> None:
        """The next list_changed_blocks fail."""
        self._changed_blocks += count

    def full_on_import(self, count: int = 1) -> None:
        """The next imports find no room left on the storage when they are half done."""
        self._full_imports += count

    def limit_transfers(self, bytes_per_s: float) -> None:
        """Make every transfer this slow; 0 ends it."""
        self.bytes_per_s = bytes_per_s

    # For those who transfer

    def take_cut_export(self) -> tuple[int | None, bool]:
        """After how many bytes the export at hand ends, or None; whether it hangs up then."""
        if self._cut_exports:
            return self._cut_exports.pop(0), True
        return (self._failed_exports.pop(0), False) if self._failed_exports else (None, False)

    def take_cut_import(self) -> int | None:
        """After how many bytes the import at hand is cut, or None."""
        return self._cut_imports.pop(0) if self._cut_imports else None

    def take_refused_nbd(self) -> bool:
        """Whether the NBD connection at hand is refused."""
        self._refused_nbd -= (refused := self._refused_nbd > 0)
        return refused

    def take_drop_nbd(self) -> int | None:
        """After how many bytes the NBD connection at hand is cut, or None."""
        return self._drops.pop(0) if self._drops else None

    def take_nbd_error(self) -> bool:
        """Whether the NBD read at hand fails."""
        self._nbd_errors -= (failed := self._nbd_errors > 0)
        return failed

    def check_changed_blocks(self) -> None:
        """Raises: Failure: SR_BACKEND_FAILURE_460."""
        if self._changed_blocks > 0:
            self._changed_blocks -= 1
            text = (
                "Failed to calculate changed blocks for given VDIs. [opterr=Inconsistent bitmaps]"
            )
            raise Failure("SR_BACKEND_FAILURE_460", "", f"{text} [opterr=Inconsistent bitmaps]", "")

    def take_full_import(self) -> bool:
        """Whether the import at hand finds no room."""
        self._full_imports -= (full := self._full_imports > 0)
        return full

    def set_transfer(self, function: str, args: dict[str, str]) -> None:
        """Switch one on by its name, with parameters in words.

        Raises:
            Failure: XENAPI_PLUGIN_FAILURE, a parameter is no number.
        """
        names = TRANSFER_FUNCTIONS[function]
        try:
            params = {name: int(float(args[name])) for name in names if name in args}
            getattr(self, function)(**params)
        except (ValueError, TypeError) as error:
            raise Failure("XENAPI_PLUGIN_FAILURE", "bad parameter", "", error) from None
