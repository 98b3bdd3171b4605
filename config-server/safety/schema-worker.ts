/** Compiles and checks schemas, in a thread of its own: what a schema says may take any time and memory. */
import { parentPort } from 'node:worker_threads'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { CIPHER } from '@breakwater/starter/settings'
import { REFERENCE } from '../encryption/fill-references.ts'
import type { Fault, Job, Verdict } from './schema-job.ts'

const MAX_SCHEMAS = 200
const MAX_FAULTS = 20
const compiled = new Map<string, ValidateFunction>()

parentPort?.on('message', (job: Job) => parentPort?.postMessage(verdictOf(job)))
parentPort?.postMessage('ready')

function verdictOf ({ schema, data }: Job): Verdict {
  let validate: ValidateFunction
  try {
    validate = compile(schema)
  } catch (failure) {
    return { faults: [], unusable: failure instanceof Error ? failure.message.slice(0, 200) : String(failure) }
  }
  if (validate(data)) return { faults: [] }
  return { faults: (validate.errors ?? []).filter(error => !isSecret(error.data)).slice(0, MAX_FAULTS).map(faultOf) }
}

function compile (schema: string): ValidateFunction {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  const ajv = new Ajv2020({ allErrors: true, coerceTypes: true, strict: false, verbose: true, ownProperties: true })
  addFormats.default(ajv)
  const validate = ajv.compile(JSON.parse(schema) as object)
  if (compiled.size >= MAX_SCHEMAS) compiled.clear()
  compiled.set(schema, validate)
  return validate
}

function isSecret (data: unknown): boolean {
  return typeof data === 'string' && (data.startsWith(CIPHER) || data.startsWith(REFERENCE))
}

function faultOf ({ instancePath, keyword, message, params }: ErrorObject): Fault {
  const { missingProperty, additionalProperty } = params as { missingProperty?: string, additionalProperty?: string }
  return { instancePath, keyword, message, missing: missingProperty, additional: additionalProperty }
}
