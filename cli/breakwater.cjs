#!/usr/bin/env node
'use strict'
// `npx breakwater` starts with the machine's own Node, which may be too old for TypeScript. The bundled one
// (npm package "node", beside this file's checkout) runs the command; signals and the exit code pass through.
const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const PARENT_CHECK_MS = 200
const bundled = path.join(__dirname, '..', 'node_modules', 'node', 'bin', 'node')
const node = existsSync(bundled) ? bundled : process.execPath
if (node === process.execPath) require('../scripts/check-node.cjs')

// What Node compiled and stripped of types is kept: from the second start on a server alone takes 25 MB less, too.
const NODE_COMPILE_CACHE = path.join(__dirname, '../node_modules/.cache/breakwater')
const child = spawn(node, [path.join(__dirname, 'main.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit', env: { NODE_COMPILE_CACHE, ...process.env } })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // Ctrl-C reaches the whole foreground group: passed on, it would be the second one, which means "at once".
  process.on(signal, () => { if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal) })
}
child.on('exit', (code, signal) => {
  process.exitCode = signal ? 128 + os.constants.signals[signal] : code
  clearInterval(watch)
})

// npm runs us behind a shell that dies of SIGTERM without passing it on, which would leave us running for nobody.
const parent = process.ppid
const watch = process.env.npm_command === undefined
  ? undefined
  : setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, PARENT_CHECK_MS)
