import torch,time,sys
torch.set_num_threads(1)
from instance_edit.tools.load_pack import add_comfyui_to_path
add_comfyui_to_path(("--cpu","--use-pytorch-cross-attention"))
from instance_edit.benchmarks.speed.forward import random_model
from instance_edit.benchmarks.touched.calls import Job
from instance_edit.benchmarks.touched.jobs import touching_regions
from instance_edit.tools.model_shapes import *
m=random_model(klein_4b(Shape(3072,1,1)),torch.bfloat16,torch.device("cpu"))
for side,n,share in ((32,8,.1),(64,8,.1)):
    j=Job(m,touching_regions(n,share,side),side)
    print(side,n,share,j.share(),j.kept("near regions"))
    calls={**j.whole(),**j.cut()}
    for r in range(2):
      for k,c in calls.items():
        if side==64 and r and k in("dense",): continue
        t=time.process_time(); c(); print(r,k,round(time.process_time()-t,2),flush=True)
