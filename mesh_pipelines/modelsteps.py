"""Steps of models (placeholder)."""
from mesh_pipelines.assets import Produce
def model_step(node, domain) -> Produce:
    def step(context, inputs):
        raise NotImplementedError
        yield
    return step
