import type { Attributes, Context, Span } from '@opentelemetry/api';
import {
  context,
  isSpanContextValid,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';

/**
 * Spans through the OpenTelemetry API alone: they cost next to nothing and go nowhere until an operator preloads an SDK
 * (`node --import @opentelemetry/auto-instrumentations-node/register …`).
 */
const tracer = trace.getTracer('chorus');

/** A request continues the trace its sender is in, unless something in this process (an instrumented `http`) already did. */
export function requestSpan(name: string, headers: Readonly<Record<string, unknown>>, attributes: Attributes): Span {
  const here = context.active();
  const parent: Context = trace.getSpan(here) === undefined ? propagation.extract(here, headers) : here;
  return tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
}

/** Runs `work` in a span of its own, as whatever it calls sees it. A failure marks the span and is passed on. */
export function inSpan<Result>(name: string, attributes: Attributes, work: () => Promise<Result>): Promise<Result> {
  const span = tracer.startSpan(name, { attributes });
  // Nobody has preloaded an SDK, and nobody has sent a trace: there is nothing that could become a child of it.
  if (!isSpanContextValid(span.spanContext())) return work();
  return context.with(trace.setSpan(context.active(), span), async () => {
    try {
      return await work();
    } catch (error) {
      // The message may repeat what a person wrote; the name says which kind of failure it was.
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'Error' });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Goes on with the rest of a request inside its span, so that spans of what it calls become its children. */
export function within(span: Span, next: () => void): void {
  if (span.isRecording()) context.with(trace.setSpan(context.active(), span), next);
  else next();
}

const traceparent = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** W3C traceparent of the span; without a tracing SDK, what the sender gave, so that its trace still leads to the events. */
export function traceparentOf(span: Span | undefined, given: unknown): string | undefined {
  const at = span?.spanContext();
  if (at !== undefined && isSpanContextValid(at) && span?.isRecording() === true) {
    const sampled = (at.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
    return `00-${at.traceId}-${at.spanId}-${sampled}`;
  }
  return typeof given === 'string' && traceparent.test(given) ? given : undefined;
}
