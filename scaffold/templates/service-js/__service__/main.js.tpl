/** The {{service}} service as a process. */
import { runMain } from '@breakwater/starter'
import { start } from './{{service}}.js'

runMain(process, '{{service}}', start)
