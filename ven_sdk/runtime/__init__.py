"""Where things happen: clock, scheduler, worker pools, handlers, and the engine that joins them to
the services.
"""
