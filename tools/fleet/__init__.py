"""One job of many pictures, spread over devices and machines by Ray.

`store.py` keeps what is finished, `cluster.py` finds the workers, `worker.py` is what runs on each
of them, `models.py` loads its ComfyUI, `runner.py` hands out the pictures.
"""
