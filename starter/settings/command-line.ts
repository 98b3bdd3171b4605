import type { PropertySource } from './types.ts'

/** The command line as a source: `--server.port=8080` came in as `{ 'server.port': '8080' }`. */
export function parseArguments (args: Readonly<Record<string, string>>): PropertySource {
  const properties = new Map(Object.entries(args).map(([key, text]) =>
    [key, { value: { kind: 'string', text }, origin: { source: 'command line' } }] as const))
  return { name: 'command line', properties }
}
