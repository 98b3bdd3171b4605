/** The {{service}} service as a process. */
import { runMain } from '@breakwater/starter'
import { start } from './{{service}}.ts'

runMain(process, '{{service}}', start)
