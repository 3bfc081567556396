"""How the parts of Pocketvisor talk: typed messages, the status page, an open workbench's socket."""
