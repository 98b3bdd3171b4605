/**
 * Carries out a Dockerfile of our pattern without a container engine, for the test cluster: COPY and RUN work on a
 * folder, which then becomes an image layer. So what Docker would do is proven where there is no Docker.
 *
 *   node deploy/docker/build.ts users OUT     # OUT/app and OUT/image.json with its command, user and environment
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './deployables.ts'

/** What the last stage says about running it. */
export interface ImageConfig {
  command: string[]
  labels: Record<string, string>
  user: string
  folder: string
  env: Record<string, string>
}

interface Stage { readonly name: string, readonly root: string, readonly image: ImageConfig }

/** Instruction and arguments of each line; comments and blank lines left out. */
export function parseDockerfile (text: string): Array<[string, string]> {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const space = line.indexOf(' ')
    return [line.slice(0, space), line.slice(space + 1)]
  })
}

/** Builds an image's files below `out` and says how to start it. */
export function buildImage (name: string, out: string): ImageConfig {
  const work = mkdtempSync(join(tmpdir(), 'breakwater-build-'))
  try {
    const stages: Stage[] = []
    const args = new Map<string, string>()
    for (const [instruction, text] of parseDockerfile(readFileSync(join(import.meta.dirname, `${name}.Dockerfile`), 'utf8'))) {
      if (instruction === 'FROM') stages.push(stageOf(text, join(work, String(stages.length))))
      else if (instruction === 'ARG') note(text, args)
      else follow(instruction, withArguments(text, args), stages)
    }
    const last = stages.at(-1)
    if (last === undefined) throw new Error(`${name}.Dockerfile has no FROM`)
    cpSync(last.root, out, { recursive: true, verbatimSymlinks: true })
    writeFileSync(join(out, 'image.json'), JSON.stringify(last.image))
    return last.image
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function stageOf (text: string, root: string): Stage {
  mkdirSync(root)
  const name = / AS (\w+)$/.exec(text)?.[1] ?? ''
  return { name, root, image: { command: [], labels: {}, user: '', folder: '/', env: {} } }
}

function follow (instruction: string, text: string, stages: readonly Stage[]): void {
  const stage = stages.at(-1)
  if (stage === undefined) throw new Error(`${instruction} before FROM`)
  const { image, root } = stage
  switch (instruction) {
    case 'WORKDIR': image.folder = text; mkdirSync(join(root, text), { recursive: true }); break
    case 'USER': image.user = text; break
    case 'ENV': image.env[text.slice(0, text.indexOf('='))] = text.slice(text.indexOf('=') + 1); break
    case 'CMD': image.command = JSON.parse(text) as string[]; break
    case 'LABEL': Object.assign(image.labels, labelsOf(text)); break
    case 'EXPOSE': break
    case 'RUN':
      execFileSync('/bin/sh', ['-ec', commandOf(text)],
        { cwd: join(root, image.folder), stdio: ['ignore', 'ignore', 'inherit'] })
      break
    case 'COPY': copy(text, stage, stages); break
    default: throw new Error(`${instruction} is not part of the pattern`)
  }
}

/** What a RUN starts: secrets are mounted by an engine only, and here npm has this machine's own settings. */
export function commandOf (text: string): string {
  return text.replace(/^(?:--mount=\S+ )+/, '')
}

function copy (text: string, stage: Stage, stages: readonly Stage[]): void {
  const words = text.split(' ')
  let from: string | undefined
  // Of the flags only --from matters here: owners are the packer's business, and volumes bring their own in a cluster.
  while (words[0]?.startsWith('--')) {
    const [flag, value] = words.shift()?.split('=') ?? []
    if (flag === '--from') from = value
  }
  const target = words.pop() ?? ''
  const source = from === undefined ? ROOT : stages.find((one) => one.name === from)?.root
  if (source === undefined) throw new Error(`COPY from an unknown stage ${from}`)
  for (const word of words) {
    const path = join(source, word)
    // As Docker: a folder's content goes to the target, a file into a target that ends with a slash.
    const to = target.endsWith('/') && statSync(path).isFile() ? join(target, word.split('/').at(-1) ?? '') : target
    const absolute = to.startsWith('/') ? join(stage.root, to) : join(stage.root, stage.image.folder, to)
    mkdirSync(dirname(absolute), { recursive: true })
    const filter = (file: string) => from !== undefined || !isIgnored(relative(ROOT, file))
    cpSync(path, absolute, { recursive: true, verbatimSymlinks: true, filter })
  }
}

/** The value of a build argument: the environment's, as `--build-arg NAME` takes it, else the Dockerfile's. */
function note (text: string, args: Map<string, string>): void {
  const equals = text.indexOf('=')
  const name = text.slice(0, equals)
  args.set(name, process.env[name] ?? text.slice(equals + 1))
}

/** Text with each ${NAME} of a build argument filled in; other names stay for the shell. */
export function withArguments (text: string, args: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => args.get(name) ?? whole)
}

/** The pairs of a LABEL whose values stand in quotes. */
export function labelsOf (text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w.]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]))
}

/** The same as .dockerignore, which a test keeps equal. */
function isIgnored (path: string): boolean {
  return path.split('/').some((part) => IGNORED.includes(part))
}

/** Folders that never enter a build. */
export const IGNORED = ['node_modules', 'test', '.git', '.tap', 'data']

if (import.meta.main) {
  const [name, out] = process.argv.slice(2)
  if (name === undefined || out === undefined) throw new Error('usage: build.ts NAME OUT')
  buildImage(name, out)
}
