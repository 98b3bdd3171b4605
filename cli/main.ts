/** The command line: `breakwater <command> [options]`. Each server's command is the server's own main file. */
import { BreakwaterError } from '@breakwater/starter/errors'
import { affected } from './affected.ts'
import { error } from './errors.ts'
import { registry, type Io } from './registry/registry.ts'
import { up } from './up.ts'

const HELP = `breakwater <command> [options]

  up             the whole stack as processes; what "npm start" runs
                 --profile local|consul|k8s   --scale users=4   --port gateway=9090 (0: any free one)
                 --data FOLDER   --json   --no-restart   --start-timeout SECONDS
  discovery      the registry alone           --port N  --config FILE  --key=value
  bus            the embedded bus alone       --port N  --config FILE  --key=value
  config-server  the config server alone      --port N  --config FILE  --key=value
  gateway        the gateway alone            --port N  --config FILE  --key=value
  registry       asks a running registry, and orders: list | show APP ID | watch | diff PEER-URL
                 drain | restore  --app A --host H --zone Z --version V --id I  --reason TEXT --for 2h
                 --registry URL   --token-file FILE   --json   --dry-run
  affected       the packages that a change touches   --since REF  --json
  help           this text
`

const SERVERS: Readonly<Record<string, () => Promise<unknown>>> = {
  bus: () => import('@breakwater/messaging/main'),
  discovery: () => import('@breakwater/discovery/main'),
  'config-server': () => import('@breakwater/config-server/main'),
  gateway: () => import('@breakwater/gateway/main')
}

async function run (command: string, args: readonly string[]): Promise<number | undefined> {
  const server = SERVERS[command]
  if (server !== undefined) {
    // A server's main reads its options from argv, where they stand without our command.
    process.argv.splice(2, 1)
    await server()
    return undefined
  }
  if (command === 'up') return up(process, args)
  if (command === 'registry') return registry(args, registryIo(process))
  if (command === 'affected') return affected(process, args)
  if (['help', '--help', '-h'].includes(command)) {
    process.stdout.write(HELP)
    return 0
  }
  throw error('E_USAGE', [`there is no command "${command}".`], { where: 'breakwater' })
}

function registryIo ({ env, stdout }: NodeJS.Process): Io {
  const enough = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort())
  return { env, signal: enough.signal, write: text => { stdout.write(text) } }
}

const [command = 'help', ...args] = process.argv.slice(2)
try {
  const code = await run(command, args)
  if (code !== undefined) process.exit(code)
} catch (cause) {
  if (!(cause instanceof BreakwaterError)) throw cause
  process.stderr.write(`${cause.toString()}\n`)
  process.exitCode = cause.code === 'E_USAGE' ? 2 : 1
}
