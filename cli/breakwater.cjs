#!/usr/bin/env node
'use strict'
// The command. In the package that npm installs, JavaScript lies beside this file and runs in this process. In the
// checkout there is TypeScript, and `npx breakwater` starts with the machine's own Node, which may be too old for that:
// the bundled one (npm package "node") runs it; signals and the exit code pass through.
const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const PARENT_CHECK_MS = 200
const built = path.join(__dirname, 'main.js')
const bundled = path.join(__dirname, '..', 'node_modules', 'node', 'bin', 'node')

if (existsSync(built)) runHere()
else runInChild(existsSync(bundled) ? bundled : process.execPath)

function runHere () {
  require('./check-node.cjs')
  // What Node has compiled is kept: a server alone takes 25 MB less from the second start on.
  require('node:module').enableCompileCache?.()
  endWithParent(() => process.kill(process.pid, 'SIGTERM'))
  void import(pathToFileURL(built).href)
}

function runInChild (node) {
  if (node === process.execPath) require('./check-node.cjs')
  const NODE_COMPILE_CACHE = path.join(__dirname, '../node_modules/.cache/breakwater')
  const child = spawn(node, [path.join(__dirname, 'main.ts'), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { NODE_COMPILE_CACHE, ...process.env } })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Ctrl-C reaches the whole foreground group: passed on, it would be the second one, which means "at once".
    process.on(signal, () => { if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal) })
  }
  const stopWatching = endWithParent(() => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + os.constants.signals[signal] : code
    stopWatching()
  })
}

// npm runs us behind a shell that dies of SIGTERM without passing it on, which would leave us running for nobody.
function endWithParent (end) {
  if (process.env.npm_command === undefined) return () => {}
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    end()
  }, PARENT_CHECK_MS).unref()
  return () => clearInterval(watch)
}
