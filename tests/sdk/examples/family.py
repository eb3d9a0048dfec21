"""A parent that waits for its children, and logs as any code does."""

import logging

from wayside import Context, Worker

logger = logging.getLogger(__name__)
worker = Worker(slots=4, capture_logs=True)


@worker.job("render_page")
async def render_page(ctx: Context, page: int) -> int:
    logger.info("rendering page %d", page)
    return page * 100


@worker.job("render_book")
async def render_book(ctx: Context, pages: int) -> dict[str, int]:
    children = await ctx.spawn_many("render_page", range(pages), key="page")
    sizes = await ctx.gather(children)
    return {"bytes": sum(sizes)}


if __name__ == "__main__":
    worker.run()
