"""Serial lines: pyserial makes the settings, the event loop watches the device file."""

import errno
import os
import termios
from collections.abc import AsyncGenerator, Callable

from serial import Serial, SerialException

from firmware_bridge.ports.address import SerialAddress
from firmware_bridge.ports.reading import MAX_DELIVERY, wait_readable


async def read_serial(address: SerialAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield a line's bytes.

    Raises
    ------
    OSError
        When it cannot be opened, or is pulled.
    """
    with _open(address) as line:
        opened("")
        while True:
            await wait_readable(line.fileno())
            data = os.read(line.fileno(), MAX_DELIVERY)
            if not data:
                # A device file that is readable and has nothing has hung up.
                raise OSError(errno.EIO, "the device was pulled")
            yield data


def _open(address: SerialAddress) -> Serial:
    try:
        line = Serial(address.path, address.baud, timeout=0, exclusive=True)
    except SerialException as error:
        if error.errno == errno.EACCES:
            raise OSError(errno.EACCES, "no permission: add this user to the device file's group (dialout)") from error
        raise
    except termios.error as error:
        raise OSError(errno.EIO, "the device was pulled while it was opened") from error
    except ValueError as error:
        raise OSError(errno.EINVAL, f"the device cannot do {address.baud} baud") from error
    os.set_blocking(line.fileno(), False)
    return line
