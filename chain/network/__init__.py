"""What drives the state machine: the application's protocol, the solo engine, its RPC and the light client."""
