import type { Ask } from '../environment/ask.ts'

/** The applications whose schemas a question has to keep: `foo.schema.json`, and `application.schema.json` of all. */
export function schemaNames ({ names }: Ask): string[] {
  return [...new Set(['application', ...names])]
}
