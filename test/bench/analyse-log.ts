import type pg from 'pg';

const stays = 100;
const happenings = 6;
const prompts = 40;

/**
 * A log as a month of prompts leaves it: people stay for six events each, a hundred of them at the same time, in the order and
 * with the fields of the real thing. PostgreSQL makes the rows itself; only what decides about a log's shape is as it would be.
 */
export async function fillLog(pool: pg.Pool, events: number, signal: AbortSignal): Promise<void> {
  const atOnce = 100_000;
  for (let first = 1; first <= events; first += atOnce) {
    signal.throwIfAborted();
    await pool.query(insertion, [first, Math.min(first + atOnce - 1, events), events]);
  }
  await pool.query('vacuum analyze log.events');
}

/** `p` is the position, `stay` whose it is, and `nth` what happens in it. */
const insertion = `
  insert into log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
  select p, 'promptSession-oseh_ips_bench' || stay, nth, gen_random_uuid(),
    (array['SessionOpened', 'SessionJoined', 'WordAnswered', 'PromptLiked', 'WordAnswered', 'SessionLeft'])[nth], 1,
    (case nth
      when 1 then format('{%s,"content":{"style":"word","text":"What did today ask of you?","options":["Patience","Courage","A good laugh","A long nap"]},"durationSeconds":60,"createdAt":%s,"origin":{"kind":"direct"}}', of_stay, at_s)
      when 2 then format('{%s,%s,"name":"Ada","origin":{"kind":"direct"}}', of_stay, of_moment)
      when 3 then format('{%s,%s,"index":%s,"previous":null}', of_stay, of_moment, stay % 4)
      when 4 then format('{%s,%s}', of_stay, of_moment)
      when 5 then format('{%s,%s,"index":%s,"previous":%s}', of_stay, of_moment, (stay + 1) % 4, stay % 4)
      else format('{%s,%s,"name":"Ada","reason":"left"}', of_stay, of_moment)
    end)::json,
    format('{"correlationId":"bench-%s","actor":"bench-%s"}', p, stay % 5000)::json,
    to_timestamp(at_s)
  from generate_series($1::bigint, $2::bigint) as p,
    lateral (select (p - 1) / ${String(stays * happenings)} * ${String(stays)} + p % ${String(stays)} as stay,
      ((p - 1) / ${String(stays)} % ${String(happenings)} + 1)::integer as nth,
      round(1767225600 + 2592000.0 * p / $3, 3) as at_s) as one,
    lateral (select
      format('"promptUid":"oseh_ip_bench%s","sessionUid":"oseh_ips_bench%s","userSub":"bench-%s"',
        stay % ${String(prompts)}, stay, stay % 5000) as of_stay,
      format('"eventUid":"oseh_ipe_bench%s","promptTime":%s,"durationSeconds":60,"createdAt":%s',
        p, nth * 9 + (stay % 8) / 8.0, at_s) as of_moment) as texts`;
