"""The contract: what the operator, the API and the embedded cluster agree on. It talks to nothing."""
