"""Finds the stream and the durable consumer of a source, and makes what is missing where that is allowed."""

from __future__ import annotations

from msgspec import Struct
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, StreamConfig, StreamInfo
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServiceUnavailableError

from credwatch.kernel.errors import SourceError
from credwatch.sources.nats.options import NatsSourceOptions


class ReadyConsumer(Struct, frozen=True):
    """A consumer that can be fetched from."""

    subscription: JetStreamContext.PullSubscription
    """What fetches."""
    epoch: str
    """Names the stream: one that was deleted and made again counts its messages from 1."""
    ack_seconds: float
    """After so long without a word the server gives a message again."""


async def ready_consumer(jetstream: JetStreamContext, options: NatsSourceOptions, *, is_first: bool) -> ReadyConsumer:
    """Find or make the consumer; raises SourceError where it is missing, or cannot be used.

    `is_first` says that nothing was ever committed: only then `read_from = "end"` leaves out what is there.
    """
    where = f"source {options.id}"
    try:
        stream = await _stream(jetstream, options, where)
        consumer = await _consumer(jetstream, options, where, is_first=is_first)
    except ServiceUnavailableError as error:
        hint = "switch it on in the server's configuration: jetstream { store_dir: … }"
        raise SourceError("the NATS server has no JetStream", where=where, hint=hint) from error
    except APIError as error:
        raise SourceError(
            f"the NATS server refuses: {error.description}", where=where, hint="see what the user may do there"
        ) from error
    _refuse_unfit(consumer, where)
    subscription = await jetstream.pull_subscribe_bind(consumer=options.consumer, stream=options.stream)
    created = f"{stream.created}" if stream.created else ""
    return ReadyConsumer(
        subscription=subscription,
        epoch=f"{options.stream}@{created}",
        ack_seconds=consumer.config.ack_wait or options.ack_seconds,
    )


async def _stream(jetstream: JetStreamContext, options: NatsSourceOptions, where: str) -> StreamInfo:
    try:
        return await jetstream.stream_info(options.stream)
    except NotFoundError as error:
        if options.make != "stream":
            hint = f'make it (nats stream add {options.stream}), or let it be made: make = "stream"'
            raise SourceError(f"there is no stream {options.stream}", where=where, hint=hint) from error
    return await jetstream.add_stream(StreamConfig(name=options.stream, subjects=[*options.subjects]))


async def _consumer(
    jetstream: JetStreamContext, options: NatsSourceOptions, where: str, *, is_first: bool
) -> ConsumerInfo:
    try:
        there: ConsumerInfo = await jetstream.consumer_info(options.stream, options.consumer)
    except NotFoundError as error:
        if options.make == "nothing":
            hint = (
                'make it as a durable pull consumer with explicit acknowledgement, or let it be made: make = "consumer"'
            )
            raise SourceError(f"there is no consumer {options.consumer}", where=where, hint=hint) from error
    else:
        return there
    policy = DeliverPolicy.NEW if is_first and options.read_from == "end" else DeliverPolicy.ALL
    config = ConsumerConfig(
        durable_name=options.consumer,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=options.ack_seconds,
        max_ack_pending=options.unacknowledged,
        deliver_policy=policy,
        filter_subject=options.subjects[0] if len(options.subjects) == 1 else None,
        filter_subjects=[*options.subjects] if len(options.subjects) > 1 else None,
    )
    try:
        made: ConsumerInfo = await jetstream.add_consumer(options.stream, config)
        return made
    except BadRequestError as error:
        hint = "see that the stream has the subjects of this source"
        raise SourceError(f"the consumer cannot be made: {error.description}", where=where, hint=hint) from error


def _refuse_unfit(consumer: ConsumerInfo, where: str) -> None:
    config = consumer.config
    if config.deliver_subject or config.ack_policy != AckPolicy.EXPLICIT:
        hint = "name another one, which is made; or delete it"
        raise SourceError(
            f"the consumer {consumer.name} is no pull consumer with explicit acknowledgement", where=where, hint=hint
        )
