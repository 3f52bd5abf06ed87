import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Context, ContextManager, Span, SpanContext, SpanOptions, Tracer } from '@opentelemetry/api';
import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { inSpan } from '../../src/platform/telemetry/trace.js';
import { aShell, bearer, type Shell } from './a-shell.js';

/** As much of a tracing SDK as an operator would preload: it keeps what was traced. */
interface Traced {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  readonly at: SpanContext;
  readonly parent: SpanContext | undefined;
  ended: boolean;
  failed: boolean;
}
const traced: Traced[] = [];

function spanOf(one: Traced): Span {
  const span: Span = {
    spanContext: () => one.at,
    isRecording: () => !one.ended,
    setAttribute: (name, value) => {
      one.attributes[name] = value;
      return span;
    },
    setStatus: () => {
      one.failed = true;
      return span;
    },
    end: () => {
      one.ended = true;
    },
    setAttributes: () => span,
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    updateName: () => span,
    recordException: () => undefined,
  };
  return span;
}

function startSpan(name: string, options: SpanOptions = {}, from: Context = context.active()): Span {
  const parent = trace.getSpanContext(from);
  const traceId = parent?.traceId ?? String(traced.length + 1).padStart(32, '0');
  const at = { traceId, spanId: String(traced.length + 1).padStart(16, '0'), traceFlags: TraceFlags.SAMPLED };
  const one: Traced = { name, attributes: { ...options.attributes }, at, parent, ended: false, failed: false };
  traced.push(one);
  return spanOf(one);
}

const tracer: Tracer = {
  startSpan,
  startActiveSpan: <Work extends (span: Span) => unknown>(name: string, options: unknown, ...rest: unknown[]) => {
    const work = rest.at(-1) ?? options;
    if (!isWork<Work>(work)) throw new TypeError('There is no work.');
    const span = startSpan(name);
    return context.with(trace.setSpan(context.active(), span), () => work(span));
  },
};

function isWork<Work>(
  given: unknown,
): given is (span: Span) => ReturnType<Work extends (span: Span) => unknown ? Work : never> {
  return typeof given === 'function';
}

const storage = new AsyncLocalStorage<Context>();
const contexts: ContextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (at, work, self, ...given) => storage.run(at, () => work.call(self, ...given)),
  bind: (_, target) => target,
  enable: () => contexts,
  disable: () => contexts,
};

let shell: Shell;
beforeAll(async () => {
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  context.setGlobalContextManager(contexts);
  propagation.setGlobalPropagator({
    fields: () => ['traceparent'],
    inject: () => undefined,
    extract: (into, carrier) => {
      const [, traceId, spanId] = String(Reflect.get(Object(carrier), 'traceparent')).split('-');
      if (traceId === undefined || spanId === undefined) return into;
      return trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
    },
  });
  shell = await aShell();
});
afterAll(async () => {
  await shell.app.close();
  trace.disable();
  context.disable();
  propagation.disable();
});

const say = (headers: Record<string, string> = {}) =>
  shell.app.inject({
    method: 'POST',
    url: '/words',
    headers: { ...bearer(), ...headers },
    payload: { word: 'hi', second: 1 },
  });

describe('a traced request', () => {
  test('is a span that knows its route and its outcome', async () => {
    await say();
    expect(traced.at(-1)).toMatchObject({
      name: 'POST /words',
      ended: true,
      attributes: { 'http.request.method': 'POST', 'http.route': '/words', 'http.response.status_code': 201 },
    });
  });

  test('continues the trace of its sender, and hands it to the events', async () => {
    await say({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
    const span = traced.at(-1);
    expect(span?.parent).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    expect(shell.sayings.causes.at(-1)?.trace).toBe(`00-${'a'.repeat(32)}-${span?.at.spanId ?? ''}-01`);
  });

  test('is the parent of what it leads to, also when many run at once', async () => {
    const spanIds: [string | undefined, string | undefined][] = [];
    shell.sayings.say = async (cause) => {
      await new Promise((resolve) => setImmediate(resolve));
      await inSpan('append', {}, () => {
        spanIds.push([traced.at(-1)?.parent?.spanId, cause.trace?.split('-')[2]]);
        return Promise.resolve();
      });
      return { position: 1n };
    };
    await Promise.all(Array.from({ length: 10 }, () => say()));
    expect(new Set(spanIds.map(([parent]) => parent)).size).toBe(10);
    for (const [parent, request] of spanIds) expect(parent).toBe(request);
  });
});

describe('a span', () => {
  test('is marked and ended when its work fails', async () => {
    await expect(inSpan('work', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(traced.at(-1)).toMatchObject({ name: 'work', ended: true, failed: true });
  });
});
