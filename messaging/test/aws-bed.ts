/** The bus on SNS/SQS, set up for the suite: waits are short, tries follow each other at once. */
import { awsBus, readAwsUrl } from '../aws.ts'
import type { Bed } from './bus-rig.ts'

const VISIBILITY_SECONDS = 2

export function awsBed (
  prefix: string, endpoint: string, differences: Readonly<Record<string, string>> = {}, waitSeconds = 1
): Bed {
  return {
    prefix,
    differences,
    visibilityMs: VISIBILITY_SECONDS * 1000,
    connect: async () => awsBus({ ...readAwsUrl(`aws://eu-central-1?endpoint=${endpoint}`, true), waitSeconds,
      visibilitySeconds: VISIBILITY_SECONDS, retryDelaysMs: [0, 0, 0, 0], probeMs: 20 })
  }
}
