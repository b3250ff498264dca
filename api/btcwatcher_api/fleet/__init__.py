"""Fleet switches by REST, and what is told of them: the operator alone carries them out."""
