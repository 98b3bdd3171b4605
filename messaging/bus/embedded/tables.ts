/** What the embedded bus keeps on the disk. Who has which message is not among it: see `lanes.ts`. */
export const BUS_TABLES = `
CREATE TABLE IF NOT EXISTS msg (
  seq {{seq}}, queue TEXT NOT NULL, grp TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL,
  sent_at {{int}} NOT NULL, failures {{int}} NOT NULL DEFAULT 0,
  unanswered {{int}} NOT NULL DEFAULT 0
) {{strict}};
CREATE TABLE IF NOT EXISTS seen (
  queue TEXT NOT NULL, id TEXT NOT NULL, at {{int}} NOT NULL, PRIMARY KEY (queue, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
CREATE TABLE IF NOT EXISTS dead (
  id TEXT PRIMARY KEY, queue TEXT NOT NULL, grp TEXT NOT NULL, msg_id TEXT NOT NULL, type TEXT NOT NULL,
  body TEXT NOT NULL, error TEXT NOT NULL, at {{int}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS dead_queue ON dead (queue, at);
CREATE TABLE IF NOT EXISTS subscription (
  topic TEXT NOT NULL, queue TEXT NOT NULL, types TEXT NOT NULL, PRIMARY KEY (topic, queue)
) {{strict}};
`
