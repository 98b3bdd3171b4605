/** The users service as a process: `node sample-services/users/main.ts --port 0`. */
import { runMain } from '@breakwater/starter'
import { startUsers } from './users.ts'

runMain(process, 'users', startUsers)
