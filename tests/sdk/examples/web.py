"""A web handler whose operation goes on when its client leaves."""

from collections.abc import AsyncIterator

from aiohttp import web

import wayside


async def generate_program(job: wayside.TrackedJob) -> dict[str, int]:
    for task in job.iterate(range(3), unit="tasks"):
        job.log.info("task", number=task)
    return {"program_id": 7}


async def generate(request: web.Request) -> web.Response:
    session = request.headers.get("X-Session", "anonymous")
    program = await wayside.run_tracked(
        generate_program, "epm_generation", scope="acme", session_id=session, input={"goal": 7}
    )
    return web.json_response(program)


async def tracking(_: web.Application) -> AsyncIterator[None]:
    yield
    await wayside.finish_tracked(grace_seconds=30)


app = web.Application()
app.router.add_post("/generate", generate)
app.cleanup_ctx.append(tracking)
