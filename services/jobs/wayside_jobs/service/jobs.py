"""All use cases of one instance, wired together."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry

from wayside_jobs.domain.family import FamilyLimits
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.service.activity import Activity
from wayside_jobs.service.announcing import Announcer, Messenger
from wayside_jobs.service.awaiting import AwaitDesk
from wayside_jobs.service.batching import BatchCreator
from wayside_jobs.service.bulk import BulkDesk
from wayside_jobs.service.bulk_running import BulkRunner
from wayside_jobs.service.canceling import Canceler
from wayside_jobs.service.cascading import Cascader
from wayside_jobs.service.claiming import ClaimDesk
from wayside_jobs.service.creating import Creator
from wayside_jobs.service.figures import Count, Figures, QueueCollector
from wayside_jobs.service.handover import Handover
from wayside_jobs.service.kinship import Kinship
from wayside_jobs.service.logbook import LogReader
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.queues import Flow, Queues
from wayside_jobs.service.reading import Reader
from wayside_jobs.service.registry import JobTypes
from wayside_jobs.service.repeating import Once
from wayside_jobs.service.reporting import Reporter
from wayside_jobs.service.retention import Retention
from wayside_jobs.service.retrying import Retrier
from wayside_jobs.service.rollup import Rollup
from wayside_jobs.service.runners import Workers
from wayside_jobs.service.statistics import Statistics
from wayside_jobs.service.sweeping import Sweeper
from wayside_jobs.service.sweeps import Broom
from wayside_jobs.settings import JobsSettings
from wayside_jobs.store import Store
from wayside_jobs.store.groups import Endings, Groups
from wayside_jobs.store.queues import QueueTable
from wayside_jobs.store.reading import Lists
from wayside_jobs.store.retention import Old
from wayside_jobs.store.runners import Runners
from wayside_jobs.store.statistics import Stats


@dataclass(frozen=True, slots=True)
class Jobs:
    """What HTTP and NATS call."""

    announcer: Announcer
    types: JobTypes
    workers: Workers
    creator: Creator
    batches: BatchCreator
    reader: Reader
    activity: Activity
    awaits: AwaitDesk
    rollup: Rollup
    logs: LogReader
    canceler: Canceler
    cascader: Cascader
    retrier: Retrier
    bulk: BulkDesk
    bulk_runner: BulkRunner
    desk: ClaimDesk
    flow: Flow
    queues: Queues
    reporter: Reporter
    handover: Handover
    sweeper: Sweeper
    retention: Retention
    statistics: Statistics
    count: Count
    figures: Figures

    @classmethod
    def of(
        cls,
        store: Store,
        messenger: Messenger,
        settings: JobsSettings,
        *,
        instance: str,
        registry: CollectorRegistry,
    ) -> Self:
        """Wire the use cases of one instance; nothing runs yet."""
        metrics = JobsMetrics(registry)
        announcer = Announcer(messenger, metrics, instance)
        types = JobTypes(store, announcer, default_ttl_seconds=settings.default_ttl_seconds)
        stats = Stats(store)
        count = Count(stats)
        QueueCollector(count, registry)
        table = QueueTable(store)
        flow = Flow(table, announcer)
        broom = Broom(store, announcer, metrics)
        log_bounds = LogBounds(settings.log_entries_limit, settings.log_bytes_limit)
        limits = FamilyLimits(settings.family_depth_limit, settings.family_children_limit)
        once = Once(store, announcer)
        reporter = Reporter(store, announcer, metrics, log_bounds=log_bounds)
        desk = ClaimDesk(store, flow, announcer, metrics, backstop_seconds=settings.claim_backstop_seconds)
        creator = Creator(store, types, announcer, desk, limits=limits)
        lists = Lists(store)
        reader = Reader(store, lists, Kinship(Groups(store), types))
        return cls(
            announcer=announcer,
            types=types,
            workers=Workers(Runners(store), types),
            creator=creator,
            batches=BatchCreator(creator),
            reader=reader,
            activity=Activity(lists, reader),
            awaits=AwaitDesk(
                Endings(store), announcer, metrics, backstop_seconds=settings.claim_backstop_seconds
            ),
            rollup=Rollup(store, announcer, metrics, backstop_seconds=settings.rollup_backstop_seconds),
            logs=LogReader(store),
            canceler=Canceler(once),
            cascader=Cascader(store, announcer, metrics, interval_seconds=settings.sweep_interval_seconds),
            retrier=Retrier(once, limits),
            bulk=BulkDesk(once, limits),
            bulk_runner=BulkRunner(store, announcer, desk, types, name=f"jobs-{instance}", limits=limits),
            desk=desk,
            flow=flow,
            queues=Queues(table, announcer),
            reporter=reporter,
            handover=Handover(store, announcer, desk, reporter),
            sweeper=Sweeper(store, announcer, broom, interval_seconds=settings.sweep_interval_seconds),
            statistics=Statistics(stats, announcer),
            count=count,
            figures=Figures(count, stats),
            retention=Retention(Old(store), broom, interval_seconds=settings.sweep_interval_seconds),
        )

    async def close(self) -> None:
        """Answer claims that wait, and finish what was begun."""
        self.awaits.close()
        await self.bulk_runner.close()
        await self.desk.close()
        await self.creator.group.close()
        await self.reporter.group.close()
        await self.count.close()
        await self.statistics.flush()
