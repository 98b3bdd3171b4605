#!/usr/bin/env node
'use strict'
// `npx breakwater` starts with the machine's own Node, which may be too old for TypeScript. The bundled one
// (npm package "node", beside this file's checkout) runs the command; signals and the exit code pass through.
const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const path = require('node:path')
const bundled = path.join(__dirname, '..', 'node_modules', 'node', 'bin', 'node')
const node = existsSync(bundled) ? bundled : process.execPath
if (node === process.execPath) require('../scripts/check-node.cjs')
const child = spawn(node, [path.join(__dirname, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => { process.exitCode = signal ? 128 + require('node:os').constants.signals[signal] : code })
