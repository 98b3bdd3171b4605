/** Who is compared: how each is configured and started, always in front of the same upstream. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort, isInstalled, start, type Program } from './processes.ts'

export interface Setting {
  readonly folder: string
  readonly upstreamPort: number
  readonly cores: string
  readonly workers: number
}

export type Launch = (setting: Setting) => Promise<Program>

const HERE = import.meta.dirname
const ANSWER = JSON.stringify({ id: 4711, name: 'Ada Lovelace', email: 'ada@example.org', city: 'London', tags: ['a', 'b'], ok: true, n: 12345678 })

/** nginx that answers `/` itself with about 120 bytes and serves /100k and /1m from disk. */
export async function startUpstream (folder: string, cores: string): Promise<Program> {
  const port = await freePort()
  mkdirSync(path.join(folder, 'files'), { recursive: true })
  // Started by root, nginx reads files as another user.
  chmodSync(folder, 0o755)
  writeFileSync(path.join(folder, 'files', '100k'), Buffer.alloc(100_000, 97))
  writeFileSync(path.join(folder, 'files', '1m'), Buffer.alloc(1_000_000, 97))
  return await nginx(folder, 'upstream', port, cores, 1, `
    access_log off;
    server {
      listen 127.0.0.1:${port} backlog=4096;
      root ${path.join(folder, 'files')};
      client_max_body_size 0;
      location = / { default_type application/json; return 200 '${ANSWER}'; }
      location /post { default_type application/json; return 200 '${ANSWER}'; }
    }`)
}

async function nginx (folder: string, name: string, port: number, cores: string, workers: number,
  http: string): Promise<Program> {
  const home = path.join(folder, name)
  mkdirSync(home, { recursive: true })
  const file = path.join(home, 'nginx.conf')
  writeFileSync(file, `daemon off; pid ${home}/pid; error_log ${home}/error.log; worker_processes ${workers};
worker_rlimit_nofile 65536;
events { worker_connections 8192; }
http {
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/f; uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;
  keepalive_requests 100000000; tcp_nodelay on; sendfile on; ${http}
}`)
  return await start(port, cores, 'nginx', ['-p', home, '-c', file])
}

export const nginxProxy: Launch = async ({ folder, upstreamPort, cores, workers }) => {
  const port = await freePort()
  return await nginx(folder, 'proxy', port, cores, workers, `
    access_log ${folder}/nginx-access.log combined buffer=64k flush=1s;
    upstream target { server 127.0.0.1:${upstreamPort}; keepalive 2048; keepalive_requests 100000000; }
    server {
      listen 127.0.0.1:${port} backlog=4096 ${workers > 1 ? 'reuseport' : ''};
      client_max_body_size 0;
      location / {
        proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr;
        proxy_buffering off; proxy_request_buffering off;
      }
    }`)
}

export const haproxy: Launch = async ({ folder, upstreamPort, cores, workers }) => {
  const port = await freePort()
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(file, `global
  nbthread ${workers}
  maxconn 6000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port} backlog 4096
  default_backend b
backend b
  server s 127.0.0.1:${upstreamPort} pool-max-conn 4096
`)
  return await start(port, cores, 'haproxy', ['-f', file])
}

/** Our gateway with extras left out by name. */
export function breakwater (without = ''): Launch {
  return async ({ folder, upstreamPort, cores, workers }) => {
    const [port, stallPort] = [await freePort(), await freePort()]
    const program = await start(port, cores, process.execPath, [path.join(HERE, 'under-test.ts'), `--port=${port}`,
      `--upstream=http://127.0.0.1:${upstreamPort}`, `--workers=${workers > 1 ? workers : 0}`,
      `--log=${path.join(folder, 'breakwater-access.log')}`, `--without=${without}`, `--stall-port=${stallPort}`])
    // With workers the loops are others than the one that could be asked.
    if (workers > 1) return program
    return { ...program, stallMs: async () => Number(await (await fetch(`http://127.0.0.1:${stallPort}`)).text()) }
  }
}

/** A Node gateway: bare, or with what a user would have on (`peers/extras.ts`). */
function script (file: string, withExtras: boolean): Launch {
  return async ({ folder, upstreamPort, cores }) => {
    const port = await freePort()
    const log = withExtras ? [path.join(folder, `${file}.log`)] : []
    return await start(port, cores, process.execPath,
      [path.join(HERE, '..', 'peers', file), String(port), `http://127.0.0.1:${upstreamPort}`, ...log])
  }
}

const NODE_GATEWAYS = [['@fastify/http-proxy', 'fastify-http-proxy.ts'], ['http-proxy 1.18', 'http-proxy-legacy.ts']] as const

/** All that this machine has, ours first; says which are missing. */
export function peers (): Map<string, Launch> {
  const all = new Map<string, Launch>([['breakwater', breakwater()]])
  for (const [command, launch] of [['nginx', nginxProxy], ['haproxy', haproxy]] as const) {
    if (isInstalled(command)) all.set(command, launch)
    else console.log(`${command} is not installed: left out`)
  }
  for (const [name, file] of NODE_GATEWAYS) {
    all.set(name, script(file, true))
    all.set(`${name}, bare`, script(file, false))
  }
  return all
}
