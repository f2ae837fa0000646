"""`make train-lora`: a LoRA trained with the masks active, over a folder of samples."""
