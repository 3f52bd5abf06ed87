/** The tables of the journey era, as far as they have to do with journeys and who took part in them. */
export const exampleSchema = `
  create table users (
    id integer primary key autoincrement, sub text unique not null, given_name text, created_at real not null);
  create table journey_subcategories (
    id integer primary key autoincrement, uid text unique not null, internal_name text not null, external_name text not null);
  create table journeys (
    id integer primary key autoincrement, uid text unique not null, title text not null,
    journey_subcategory_id integer references journey_subcategories(id) on delete set null,
    prompt text not null, lobby_duration_seconds real not null, created_at real not null, deleted_at real null);
  create table journey_sessions (
    id integer primary key autoincrement, journey_id integer not null references journeys(id) on delete cascade,
    user_id integer not null references users(id) on delete cascade, uid text unique not null);
  create index journey_sessions_journey_id_user_id_idx on journey_sessions(journey_id, user_id);
  create index journey_sessions_user_id_idx on journey_sessions(user_id);
  create table journey_events (
    id integer primary key autoincrement, uid text unique not null,
    journey_session_id integer not null references journey_sessions(id) on delete cascade,
    evtype text not null, data text not null, journey_time real not null, created_at real not null);
  create index journey_events_session_time_uid_idx on journey_events(journey_session_id, journey_time, uid);
  create table journey_event_counts (
    id integer primary key, journey_id integer not null references journeys(id) on delete cascade,
    bucket integer not null, total integer not null);
  create unique index journey_event_counts_journey_id_bucket_idx on journey_event_counts(journey_id, bucket);
  create table journey_event_fenwick_trees (
    id integer primary key, journey_id integer not null references journeys(id) on delete cascade,
    category text not null, category_value integer null, idx integer not null, val integer not null);
  create unique index journey_event_fenwick_trees_idx
    on journey_event_fenwick_trees(journey_id, category, category_value, idx);`;
