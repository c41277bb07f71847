"""What needs attention: findings of health as items that are raised, acknowledged, snoozed, assigned and cleared."""
