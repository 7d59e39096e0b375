"""The way from an EC2 snapshot to an image: story.py tells it, step by step."""
