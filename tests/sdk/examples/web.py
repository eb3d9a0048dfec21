"""A web handler whose operation goes on when its client leaves."""

from collections.abc import AsyncIterator

from aiohttp import web

import wayside


async def generate(request: web.Request) -> web.Response:
    session = request.headers.get("X-Session", "anonymous")
    async with wayside.track("epm_generation", scope="acme", session_id=session, input={"goal": 7}) as job:
        for task in job.iterate(range(3), unit="tasks"):
            job.log.info("task", number=task)
        job.result = {"program_id": 7}
    return web.json_response(job.result)


async def tracking(_: web.Application) -> AsyncIterator[None]:
    yield
    await wayside.finish_tracked(grace_seconds=30)


app = web.Application(middlewares=[wayside.detach_tracked_middleware])
app.router.add_post("/generate", generate)
app.cleanup_ctx.append(tracking)
