"""A small real service for tests of supervision: honours WAYSIDE_PORT, WAYSIDE_PORT_FILE and SIGTERM.

GET / answers with its WAYSIDE_ variables. While a file `<name>.crash` lies beside the port file, it ends with status 7
at its start, and with the argument `broken` always. The argument `deaf` makes it ignore SIGTERM.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from aiohttp import web


async def environment(_request: web.Request) -> web.Response:
    return web.json_response({key: value for key, value in os.environ.items() if key.startswith("WAYSIDE_")})


async def readyz(_request: web.Request) -> web.Response:
    return web.Response()


async def serve(port_file: Path, *, deaf: bool) -> None:
    app = web.Application()
    app.add_routes([web.get("/", environment), web.get("/readyz", readyz), web.get("/healthz", readyz)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, os.environ["WAYSIDE_HOST"], int(os.environ["WAYSIDE_PORT"])).start()
    port_file.write_text(f"{runner.addresses[0][1]}\n")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, (lambda: None) if deaf else stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    own_port_file = Path(os.environ["WAYSIDE_PORT_FILE"])
    name, *options = sys.argv[1:]
    print(f"this is {name}", flush=True)
    if "broken" in options or own_port_file.with_name(f"{name}.crash").exists():
        sys.exit(7)
    asyncio.run(serve(own_port_file, deaf="deaf" in options))
