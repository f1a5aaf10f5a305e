"""The structural month as others would write it: peers to measure the engines against, no part of the product."""
